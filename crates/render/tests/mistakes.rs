//! What is wrong with templates and with the texts of a role, and what works
//! beyond the web role: conditions, edits, OCF agents, initialisers, EL.

use std::path::Path;
use tandem_generation::{Action, Probe};
use tandem_model::{Hidden, Mistakes, Project, Secret, Secrets, Source};
use tandem_render::{HostFiles, render_host};

const ROLE: &str = "\
summary: A test
params:
  vip: address
  storage: {one_of: [drbd, local], default: local}
  token: secret
  words: {list_of: text, default: [a, b]}
  server_id: {type: integer, min: 1, max: 9, scope: host}
units:
  apache: {run: cluster}
files:
  - {path: \"/etc/{{ units.apache }}.d/a.conf\", template: a.conf}
  - {path: /etc/secret.xml, template: secret.xml, secret: true, comment: <!--, owner: apache, mode: 0640}
  - {path: /etc/drbd.conf, template: a.conf, when: storage == drbd}
edits:
  - {path: /etc/login.defs, separator: \"\\t\", set: {PASS_MAX_DAYS: \"{{ params.server_id * 10 }}\"}}
resources:
  - {ocf: heartbeat:Filesystem, name: data, parameters: {device: \"/dev/{{ params.storage }}\"}, when: storage == drbd}
  - group: web
    of:
      - {address: vip, migration_threshold: 3}
      - {unit: apache, monitor: 10s}
health:
  site: {http: \"http://{{ params.vip }}/\", contains: \"{{ environment }}\", on: holder}
  apache: {command: {program: apache, arguments: [-t, \"{{ host.name }}\"], timeout: 5s}, on: each, within: 2s}
initialisers:
  data:
    probe: {program: apache, arguments: [probe]}
    act: {program: apache, arguments: [make]}
    verify: {program: apache, arguments: [probe]}
";

const INVENTORY: &str = "\
environment: dev
networks: {om: 10.77.2.0/24}
ssh: {network: om}
hosts:
  zipi: {profile: debian12, nics: {eth2: om/11}, set: {server_id: 1}}
  zape: {profile: el9, nics: {ens2: om/12}, set: {server_id: 2}}
  spare: {profile: el9, nics: {ens2: om/13}}
clusters:
  web:
    role: test
    nodes: [zipi, zape]
    engine: {kind: heartbeat, key: token}
    links: [om]
    set: {vip: om/50, token: token}
";

const DEBIAN: &str = "\
summary: Debian
units: {apache: apache2.service}
programs: {apache: /usr/sbin/apache2}
users: {apache: www-data}
";

const EL: &str = "\
summary: EL
units: {apache: httpd.service}
programs: {apache: /usr/sbin/httpd}
users: {apache: apache}
";

fn outcome(files: &[(&str, &str)], host: &str) -> Result<HostFiles, Mistakes> {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in [
        ("inventories/dev.yaml", INVENTORY),
        ("roles/test.yaml", ROLE),
        ("profiles/debian12.yaml", DEBIAN),
        ("profiles/el9.yaml", EL),
        ("templates/a.conf", "{{ host.name }} {{ peers[0].name }}\n"),
        ("templates/secret.xml", "<token>{{ params.token }}</token>"),
    ]
    .iter()
    .chain(files)
    {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("not the root")).expect("created");
        std::fs::write(path, text).expect("written");
    }
    // No specs: as from a release.
    let source = Source::release(directory.path(), directory.path());
    let project = Project::load(&source)?;
    let inventory = project.inventory("dev")?;
    let mut secrets = Secrets::default();
    secrets.set("token", Secret::new(Hidden::new("ti<ger")));
    secrets.set("salt", Secret::new(Hidden::new("pepper")));
    render_host(&project, &inventory, &secrets, host)
}

fn told(files: &[(&str, &str)]) -> Vec<String> {
    let mistakes = outcome(files, "zipi").expect_err("a mistake");
    mistakes
        .iter()
        .map(|one| {
            let suggestion = one.suggestion.as_deref().unwrap_or("-");
            format!("{}: {} / {suggestion}", one.at, one.message)
        })
        .collect()
}

fn good(host: &str) -> HostFiles {
    outcome(&[], host).unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)))
}

#[test]
fn undefined_names_are_found_all_at_once_with_their_places() {
    let template = "one\n{{ params.vpi }} {% if host.nmae %}x{% endif %}\n{{ hots.name }}\n";
    assert_eq!(
        told(&[("templates/a.conf", template)]),
        [
            "templates/a.conf:2:11: `params.vpi` is not defined / did you mean `vip`?",
            "templates/a.conf:2:29: `host.nmae` is not defined / did you mean `name`?",
        ]
    );
    assert_eq!(
        told(&[("templates/a.conf", "one\n{{ hots.name }}\n")]),
        ["templates/a.conf:2:4: `hots` is not defined / did you mean `host`?"]
    );
    let included = [
        ("templates/a.conf", "{% include \"b.conf\" %}\n"),
        ("templates/b.conf", "{% if params.vpi %}x{% endif %}\n"),
    ];
    assert_eq!(
        told(&included),
        ["templates/b.conf:1:14: `params.vpi` is not defined / did you mean `vip`?"]
    );
    let role = ROLE.replace("{{ units.apache }}.d", "{{ units.apach }}.d");
    assert_eq!(
        told(&[("roles/test.yaml", &role)]),
        ["roles/test.yaml:11:12: `units.apach` is not defined / did you mean `apache`?"]
    );
}

#[test]
fn a_template_that_is_no_template_is_found_with_its_place() {
    let found = told(&[
        ("templates/a.conf", "one\n{% if %}\n"),
        ("templates/b.conf", "{{ \n"),
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("templates/a.conf:2:"), "{found:#?}");
    assert!(found[1].starts_with("templates/b.conf:"), "{found:#?}");
}

#[test]
fn a_secret_in_an_open_file_is_a_mistake() {
    assert_eq!(
        told(&[("templates/a.conf", "{{ params.token }}\n")]),
        ["templates/a.conf:1:11: `params.token` is a secret / -"]
    );
    let role = ROLE.replace("{{ environment }}", "{{ params.token }}");
    assert_eq!(told(&[("roles/test.yaml", &role)]).len(), 1);
}

#[test]
fn two_files_at_one_path_and_paths_that_lead_out() {
    let role = ROLE.replace(
        ", when: storage == drbd}\nedits",
        "}\n  - {path: /etc/drbd.conf, template: a.conf}\nedits",
    );
    assert_eq!(
        told(&[("roles/test.yaml", &role)]),
        [
            "roles/test.yaml:14:12: `/etc/drbd.conf` is rendered twice / set `when` so that only one of them applies"
        ]
    );
    let role = ROLE.replace("/etc/{{ units.apache }}.d", "/etc//{{ units.apache }}");
    assert_eq!(
        told(&[("roles/test.yaml", &role)]),
        ["roles/test.yaml:11:12: this is no absolute path / -"]
    );
}

#[test]
fn a_secret_file_ends_in_a_salt_line_in_its_own_kind_of_comment() {
    let files = good("zipi");
    let secret = files
        .files
        .iter()
        .find(|file| file.owned.secret)
        .expect("one");
    let text = String::from_utf8_lossy(&secret.content);
    // Escaped, because the template's name says that it is XML.
    assert!(
        text.starts_with("<token>ti&lt;ger</token>\n<!-- "),
        "{text}"
    );
    assert!(text.ends_with(" -->\n"), "{text}");
    assert_eq!(secret.owned.mode, 0o640);
    assert_eq!(secret.owned.owner, "www-data");
}

#[test]
fn each_profile_uses_its_own_words() {
    let zape = good("zape");
    assert_eq!(zape.files[0].owned.path, "/etc/httpd.service.d/a.conf");
    assert_eq!(zape.files[0].content, b"zape zipi\n");
    assert_eq!(zape.units[0].unit, "httpd.service");
    let text = format!("{:?}", zape.resources);
    assert!(
        text.contains("httpd.service") && text.contains("ens2"),
        "{text}"
    );
    assert_eq!(zape.edits[0].set["PASS_MAX_DAYS"], "20");
}

#[test]
fn conditions_decide_what_belongs_to_a_host() {
    let without = good("zipi");
    assert_eq!(without.files.len(), 2);
    assert_eq!(without.resources.resources.len(), 1);
    let inventory = INVENTORY.replace("token: token}", "token: token, storage: drbd}");
    let with = outcome(&[("inventories/dev.yaml", &inventory)], "zipi").expect("renders");
    assert_eq!(with.files.len(), 3);
    let text = format!("{:?}", with.resources.resources[0]);
    assert!(
        text.contains("Filesystem") && text.contains("/dev/drbd"),
        "{text}"
    );
}

#[test]
fn checks_and_initialisers_have_real_programs() {
    let files = good("zipi");
    let Probe::Http { url, contains, .. } = &files.health[0].probe else {
        panic!("{:?}", files.health);
    };
    assert_eq!(
        (url.as_str(), contains.as_deref()),
        ("http://10.77.2.50/", Some("dev"))
    );
    let Probe::Command(command) = &files.health[1].probe else {
        panic!("{:?}", files.health);
    };
    assert_eq!(command.argv, ["/usr/sbin/apache2", "-t", "zipi"]);
    assert_eq!(
        (command.timeout_ms, files.health[1].within_ms),
        (5_000, 2_000)
    );
    assert!(matches!(&files.initialisers[0], Action::Initialise { name, .. } if name == "data"));
}

#[test]
fn a_host_in_no_cluster_carries_nothing_and_an_unknown_one_is_a_mistake() {
    assert!(good("spare").files.is_empty());
    let mistakes = outcome(&[], "zipe").expect_err("unknown");
    assert_eq!(mistakes.len(), 1);
}

#[test]
fn el_renders_the_web_role_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web");
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(root.join("inventories/dev.yaml"))
        .expect("there")
        .replace("debian12", "el9");
    let path = directory.path().join("dev.yaml");
    std::fs::write(&path, text).expect("written");
    let project = Project::load(&Source::work_tree(&root)).expect("in order");
    let inventory = project
        .inventory(&path.display().to_string())
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)));
    let mut secrets = Secrets::default();
    secrets.generate(["status_token"]);
    let files = render_host(&project, &inventory, &secrets, "zipi").expect("renders");
    let drop_in = files
        .files
        .iter()
        .find(|file| file.owned.path.ends_with("httpd.service.d/60-tandem.conf"))
        .expect("the drop-in");
    let text = String::from_utf8_lossy(&drop_in.content);
    assert!(
        text.contains("\nExecStart=/usr/sbin/httpd -d /etc/tandem/web -f httpd.conf -k start\n")
    );
    let all = format!("{:?}", files.files);
    assert!(!all.contains("apache2"), "{all}");
}

#[test]
fn of_a_units_ways_to_be_the_one_whose_condition_holds_applies() {
    let ways =
        "  apache: [{run: cluster, when: storage == local}, {run: started, when: storage == drbd}]";
    let role = ROLE.replace("  apache: {run: cluster}", ways);
    let run = |inventory: &str| {
        let files = [
            ("roles/test.yaml", role.as_str()),
            ("inventories/dev.yaml", inventory),
        ];
        let host =
            outcome(&files, "zipi").unwrap_or_else(|found| panic!("{}", found.report(false, 100)));
        assert_eq!(host.units.len(), 1);
        host.units[0].run
    };
    assert_eq!(run(INVENTORY), tandem_generation::UnitRun::Cluster);
    let drbd = INVENTORY.replace("vip: om/50,", "vip: om/50, storage: drbd,");
    assert_eq!(run(&drbd), tandem_generation::UnitRun::Started);

    let both = role.replace("when: storage == drbd}]", "when: storage != drbd}]");
    let wrong = told(&[("roles/test.yaml", &both)]);
    assert!(
        wrong[0].contains("`apache2.service` shall be two ways at once"),
        "{wrong:?}"
    );
}
