//! `tandem vagrant`: the hosts of an inventory as a Vagrantfile that Vagrant
//! itself accepts.

use crate::operator::{self, Operator};
use crate::stage::Project;
use std::path::Path;
use std::process::{Command, Output};

/// The small example with its third NIC called as Vagrant will call it.
fn project(name: &str) -> Project {
    Project::of(&operator::example(), name, |operator| {
        let path = operator.file(&operator.inventory());
        let text = std::fs::read_to_string(&path).expect("the inventory");
        std::fs::write(path, text.replace("eth4:", "eth3:")).expect("written");
    })
}

/// `vagrant validate` of the Vagrantfile in a directory; `None`, visibly, where
/// there is no Vagrant. No plugin of a provider is wanted for it.
fn validate(name: &str, directory: &Path, home: &Path) -> Option<Output> {
    let ran = Command::new("vagrant")
        .args(["validate", "--ignore-provider"])
        .current_dir(directory)
        .env("VAGRANT_HOME", home)
        .env("VAGRANT_DOTFILE_PATH", home.join("state"))
        .env("VAGRANT_CHECKPOINT_DISABLE", "1")
        .output();
    match ran {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED {name}: vagrant is not installed");
            None
        }
        Err(error) => panic!("vagrant does not start: {error}"),
    }
}

#[track_caller]
fn assert_valid(name: &str, directory: &Path, home: &Path) {
    if let Some(output) = validate(name, directory, home) {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("validated successfully"), "{said}");
    }
}

fn written(operator: &Operator) -> String {
    std::fs::read_to_string(operator.file("Vagrantfile")).expect("a Vagrantfile")
}

#[test]
fn vagrant_accepts_the_repositorys_own() {
    let home = tempfile::tempdir().expect("a directory");
    assert_valid(
        "vagrant_accepts_the_repositorys_own",
        operator::repository(),
        home.path(),
    );
}

#[test]
fn every_nic_is_in_a_closed_network_with_its_address() {
    let name = "every_nic_is_in_a_closed_network_with_its_address";
    let project = project("vagrant");
    let words = ["vagrant", "-i", &project.environment];
    let shown = project.tandem(&words).exits(0);
    let _ = project
        .tandem(&[&words[..], &["-o", "Vagrantfile"]].concat())
        .exits(0)
        .says("Vagrantfile");
    assert_eq!(
        shown.stdout,
        written(&project),
        "shown or written, it is the same"
    );
    let _ = shown
        .says(
            "
  config.vm.define 'zape' do |host|
    host.vm.box = 'debian/bookworm64'
    host.vm.hostname = 'zape'
    host.vm.network :private_network, ip: '10.77.1.12', **networks['hb']  # eth1
    host.vm.network :private_network, ip: '10.77.2.12', **networks['om']  # eth2
    host.vm.network :private_network, ip: '10.77.4.12', **networks['ext']  # eth3
  end
",
        )
        // A cross-over is nobody else's; a gateway that is pinged must answer.
        .says("libvirt__forward_mode: 'none', libvirt__dhcp_enabled: false,\n    virtualbox__intnet: 'tandem-e2e-vagrant-hb',\n")
        .says("virtualbox__adapter_ip: '10.77.4.1', libvirt__host_ip: '10.77.4.1',\n")
        .does_not_say(":public_network");
    assert_valid(name, &project.project, &project.home);
}

#[test]
fn what_a_profile_says_is_text_and_never_ruby() {
    let name = "what_a_profile_says_is_text_and_never_ruby";
    let project = project("ruby");
    project.edit(
        "profiles/debian12.yaml",
        "vagrant_box: debian/bookworm64",
        r##"vagrant_box: "it's \\' + `touch ran` + \"#{abort}\"""##,
    );
    let _ = project
        .tandem(&["vagrant", "-i", &project.environment, "-o", "Vagrantfile"])
        .exits(0);
    assert_valid(name, &project.project, &project.home);
    assert!(!project.file("ran").exists(), "{}", written(&project));
}

#[test]
fn a_profile_without_a_box_is_named() {
    let project = project("nobox");
    project.edit(
        "profiles/debian12.yaml",
        "vagrant_box: debian/bookworm64\n",
        "",
    );
    let ran = project
        .tandem(&["vagrant", "-i", &project.environment, "-o", "Vagrantfile"])
        .exits(3)
        .says("profiles/debian12.yaml:1:1")
        .says("this profile names no box for Vagrant")
        .says("`vagrant_box: debian/bookworm64`");
    assert_eq!(ran.stdout, "", "{ran}");
    assert!(!project.file("Vagrantfile").exists());
}

#[test]
fn names_that_vagrant_cannot_give_are_refused() {
    let project = Project::new("nics");
    let _ = project
        .tandem(&["vagrant", "-i", &project.environment])
        .exits(3)
        .says("inventories/e2e-nics.yaml:")
        .says("found `eth4` of `zipi`")
        .says("expected `eth3`");
}
