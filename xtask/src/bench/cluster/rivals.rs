//! Rivals that tandem does not know: Debian's packages on the hosts of a lab, which has
//! no way out, and the files of `xtask/bench/cluster`.

use super::engine::{Engine, Kind};
use super::pair::{HOSTS, Pair};
use super::project::Site;
use crate::process;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};

/// What is installed beside what the lab's hosts have.
const PACKAGES: [&str; 5] = [
    "corosync",
    "pacemaker",
    "pacemaker-cli-utils",
    "pacemaker-resource-agents",
    "keepalived",
];
const COROSYNC: &str = include_str!("../../../bench/cluster/corosync.conf");
const RESOURCES: &str = include_str!("../../../bench/cluster/pacemaker.xml");
const ADDRESS: &str = include_str!("../../../bench/cluster/pacemaker-address.xml");
const TOMCAT: &str = include_str!("../../../bench/cluster/pacemaker-tomcat.xml");
const PING: &str = include_str!("../../../bench/cluster/pacemaker-ping.xml");
const REACHES: &str = include_str!("../../../bench/cluster/pacemaker-reaches.xml");
const FENCING: &str = include_str!("../../../bench/cluster/pacemaker-fencing.xml");
const KEEPALIVED: [&str; 2] = [
    include_str!("../../../bench/cluster/keepalived.zipi.conf"),
    include_str!("../../../bench/cluster/keepalived.zape.conf"),
];

/// Debian packages that were fetched, in one archive.
#[derive(Debug)]
pub(super) struct Packages {
    archive: Vec<u8>,
}

impl Packages {
    /// Asks apt for what such a host lacks.
    pub(super) fn fetch(pair: &Pair<'_>, directory: &Path) -> Result<Self> {
        let archives = directory.join("archives");
        std::fs::create_dir_all(archives.join("partial"))
            .with_context(|| format!("making {}", archives.display()))?;
        let status = directory.join("status");
        let has = pair.run(HOSTS[0], "cat /var/lib/dpkg/status")?;
        std::fs::write(&status, has).with_context(|| format!("writing {}", status.display()))?;
        let mut command = process::command("apt-get");
        command
            .arg(format!("--option=Dir::State::status={}", status.display()))
            .arg(format!(
                "--option=Dir::Cache::archives={}",
                archives.display()
            ))
            .args(["--yes", "--quiet=2", "--no-install-recommends"])
            .args(["--download-only", "install"])
            .args(PACKAGES);
        process::text(&mut command).context("fetching the rivals' packages")?;
        let files: Vec<PathBuf> = std::fs::read_dir(&archives)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
            .collect();
        let mut tar = process::command("tar");
        tar.args(["--create", "--file=-", "--directory"])
            .arg(&archives)
            .args(files.iter().filter_map(|path| path.file_name()));
        let output = process::caught(&mut tar)?;
        if !output.status.success() || files.is_empty() {
            bail!("packing {} packages: {}", files.len(), output.status);
        }
        Ok(Self {
            archive: output.stdout,
        })
    }

    /// Installs them on both hosts; none of their services starts or is enabled.
    pub(super) fn install(&self, pair: &Pair<'_>) -> Result<()> {
        std::thread::scope(|scope| {
            let both = HOSTS.map(|host| scope.spawn(move || self.install_on(pair, host)));
            both.into_iter().try_for_each(|one| {
                one.join()
                    .unwrap_or_else(|_| bail!("a thread that installs packages panicked"))
            })
        })
    }

    fn install_on(&self, pair: &Pair<'_>, host: &str) -> Result<()> {
        pair.run(
            host,
            "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d\n\
             chmod 0755 /usr/sbin/policy-rc.d\nmkdir -p /tmp/packages\n",
        )?;
        pair.feed(host, "tar -C /tmp/packages -x", &self.archive)?;
        pair.run(
            host,
            "export DEBIAN_FRONTEND=noninteractive\n\
             dpkg --install /tmp/packages/*.deb >/tmp/dpkg.log 2>&1\n\
             rm -r /tmp/packages /usr/sbin/policy-rc.d\n\
             systemctl --quiet disable corosync pacemaker keepalived\n",
        )
        .map(drop)
    }
}

/// Starts what tandem does not know.
pub(super) fn start(pair: &Pair<'_>) -> Result<()> {
    match pair.engine.kind() {
        Kind::Clusterd | Kind::Heartbeat => Ok(()),
        Kind::Pacemaker => corosync(pair),
        Kind::Keepalived => keepalived(pair),
    }
}

fn corosync(pair: &Pair<'_>) -> Result<()> {
    // As corosync-keygen makes it: 1024 random bits and more.
    let mut key = [0; 256];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut key)?;
    for host in HOSTS {
        pair.put(host, "/etc/corosync/corosync.conf", COROSYNC.as_bytes())?;
        pair.put(host, "/etc/corosync/authkey", &key)?;
        pair.run(
            host,
            "systemctl enable --quiet corosync pacemaker\nsystemctl start --no-block corosync pacemaker\n",
        )?;
    }
    Ok(())
}

/// Tells Pacemaker what to run, once both nodes are members.
pub(super) fn configure(pair: &Pair<'_>, site: Site) -> Result<()> {
    if pair.engine.kind() != Kind::Pacemaker {
        return Ok(());
    }
    let fences = pair.engine == Engine::PacemakerFence;
    let host = HOSTS[0];
    let online = "for i in $(seq 120); do \
         [ \"$(crm_mon -1 --output-as=xml 2>/dev/null | grep -c '<node name=.*online=\"true\".* pending=\"false\"')\" = 2 ] && exit 0; \
         sleep 0.5; done; crm_mon -1; exit 1";
    pair.run(host, online)?;
    pair.run(
        host,
        &format!(
            "crm_attribute --name stonith-enabled --update {fences}\n\
             crm_attribute --name stonith-action --update off\n\
             crm_attribute --type rsc_defaults --name resource-stickiness --update 1000\n"
        ),
    )?;
    set_resources(pair, site)?;
    // Where the gateway is not reached, nothing runs.
    pair.feed(
        host,
        "cibadmin --create --scope constraints --xml-pipe",
        REACHES.as_bytes(),
    )?;
    if fences {
        // Nobody switches itself off.
        for host in HOSTS {
            pair.run(
                HOSTS[0],
                &format!(
                    "cibadmin --create --scope constraints --xml-text \
                     '<rsc_location id=\"not-{host}\" rsc=\"fence-{host}\" node=\"{host}\" score=\"-INFINITY\"/>'"
                ),
            )?;
        }
    }
    Ok(())
}

/// What Pacemaker has to run from now on: what is taken out is stopped.
pub(super) fn set_resources(pair: &Pair<'_>, site: Site) -> Result<()> {
    let mut xml = match site {
        Site::Active => RESOURCES,
        Site::Both => ADDRESS,
        Site::Tomcat => TOMCAT,
    }
    .to_owned();
    let fences = pair.engine == Engine::PacemakerFence;
    for more in [Some(PING), fences.then_some(FENCING)]
        .into_iter()
        .flatten()
    {
        let more = more
            .trim()
            .trim_start_matches("<resources>")
            .trim_end_matches("</resources>");
        xml = xml.replace("</resources>", &format!("{more}</resources>"));
    }
    pair.put(HOSTS[0], "/tmp/resources.xml", xml.as_bytes())?;
    pair.run(
        HOSTS[0],
        "cibadmin --replace --scope resources --xml-file /tmp/resources.xml\n\
         crm_resource --wait --timeout 60\n",
    )
    .map(drop)
}

fn keepalived(pair: &Pair<'_>) -> Result<()> {
    for (host, text) in HOSTS.into_iter().zip(KEEPALIVED) {
        pair.put(host, "/etc/keepalived/keepalived.conf", text.as_bytes())?;
        pair.run(
            host,
            "systemctl enable --quiet keepalived\nsystemctl start keepalived\n",
        )?;
    }
    Ok(())
}

/// Versions as Debian's packages have them, epochs and revisions left out.
pub(super) fn versions(pair: &Pair<'_>) -> Result<Vec<String>> {
    let packages: &[&str] = match pair.engine.kind() {
        Kind::Clusterd => &[],
        Kind::Heartbeat => &["heartbeat"],
        Kind::Pacemaker => &["pacemaker", "corosync"],
        Kind::Keepalived => &["keepalived"],
    };
    let mut versions = Vec::new();
    for package in packages {
        let version = pair.run(
            HOSTS[0],
            &format!("dpkg-query --show --showformat='${{Version}}' {package}"),
        )?;
        let version = version.rsplit(':').next().unwrap_or_default().to_owned();
        versions.push(format!("{package} {version}"));
    }
    Ok(versions)
}
