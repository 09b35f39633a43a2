//! Directories that belong to the distribution. Owning one of them too works
//! until the modes differ, and then the transaction fails on a host.

/// The Filesystem Hierarchy Standard's directories, systemd's, and the drop-in
/// directories of services that this platform configures.
const SHARED: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/cron.d",
    "/etc/ha.d",
    "/etc/ha.d/resource.d",
    "/etc/httpd",
    "/etc/httpd/conf",
    "/etc/httpd/conf.d",
    "/etc/init.d",
    "/etc/logrotate.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/my.cnf.d",
    "/etc/pam.d",
    "/etc/profile.d",
    "/etc/security",
    "/etc/security/limits.d",
    "/etc/snmp",
    "/etc/ssh",
    "/etc/ssh/sshd_config.d",
    "/etc/sudoers.d",
    "/etc/sysconfig",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/systemd/system",
    "/etc/tmpfiles.d",
    "/etc/tomcat",
    "/etc/udev",
    "/etc/udev/rules.d",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib/ocf",
    "/usr/lib/ocf/resource.d",
    "/usr/lib/sysctl.d",
    "/usr/lib/systemd",
    "/usr/lib/systemd/system",
    "/usr/lib/sysusers.d",
    "/usr/lib/tmpfiles.d",
    "/usr/lib/udev",
    "/usr/lib/udev/rules.d",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/sbin",
    "/usr/share",
    "/usr/share/doc",
    "/usr/share/licenses",
    "/usr/share/man",
    "/usr/share/snmp",
    "/usr/share/snmp/mibs",
    "/usr/src",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/lib/tomcat",
    "/var/lib/tomcat/webapps",
    "/var/log",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
    "/var/www",
    "/var/www/html",
];

/// True for a directory that is not ours to own.
pub(crate) fn is_shared(path: &str) -> bool {
    SHARED.binary_search(&path).is_ok()
        || path
            .strip_prefix("/usr/share/man/man")
            .is_some_and(|section| !section.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_the_search() {
        assert!(SHARED.is_sorted());
        assert!(is_shared("/etc/ha.d"));
        assert!(is_shared("/usr/share/man/man8"));
        assert!(!is_shared("/etc/tandem"));
    }
}
