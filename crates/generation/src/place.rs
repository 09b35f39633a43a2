//! Where things are on a host.

/// Everything tandem keeps; mode 0700, owner root.
pub const STATE: &str = "/var/lib/tandem";
/// The manifest that the generation package owns: readable, without secrets.
pub const GENERATION_FILE: &str = "/usr/lib/tandem/generation.json";
/// rpm's database, named on every call: some distributions put root's default
/// elsewhere.
pub const RPM_DATABASE: &str = "/var/lib/rpm";
/// Name of the package that owns the rendered files.
pub const CONFIG_PACKAGE: &str = "tandem-config";
/// Name of the package that carries a generation's manifest.
pub const GENERATION_PACKAGE: &str = "tandem-generation";
/// Name of the package that carries the helper.
pub const HELPER_PACKAGE: &str = "tandem-host";
/// Where the helper's package puts it.
pub const HELPER: &str = "/usr/libexec/tandem/tandem-host";
/// The unit that completes or undoes a run after a crash, before the cluster
/// manager starts.
pub const RECOVER_UNIT: &str = "tandem-recover.service";
