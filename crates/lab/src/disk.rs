//! The hosts' file systems: an overlay per host over the common base tree, and how all of a lab's
//! mounts are found and removed again.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::error::{IoContext as _, Result, SystemContext as _};
use crate::place::HostPlaces;
use crate::topology::Host;

/// Mounts the host's disk and tree, if they are not mounted.
pub(crate) fn attach(host: &Host, places: &HostPlaces, base: &Path) -> Result<()> {
    let mounted = mount_points()?;
    let disk = places.disk();
    fs::create_dir_all(&disk).on("make the directory", &disk)?;
    if let Some(limit) = host.disk_limit_mb
        && !mounted.contains(&disk)
    {
        let options = format!("size={limit}m,mode=0755");
        mount(
            Some("tandem-lab"),
            &disk,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        )
        .during(|| format!("mount a disk of {limit} MB at {}", disk.display()))?;
    }
    let root = places.root();
    if mounted.contains(&root) {
        return Ok(());
    }
    let (upper, work) = (disk.join("upper"), disk.join("work"));
    for dir in [&upper, &work, &root] {
        fs::create_dir_all(dir).on("make the directory", dir)?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        base.display(),
        upper.display(),
        work.display()
    );
    mount(
        Some("overlay"),
        &root,
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .during(|| format!("mount the tree of host {} at {}", host.name, root.display()))
}

/// Unmounts everything at and below these directories, deepest first.
pub(crate) fn detach_all(below: &[&Path]) -> Result<()> {
    let mut points: Vec<PathBuf> = mount_points()?
        .into_iter()
        .filter(|point| below.iter().any(|dir| point.starts_with(dir)))
        .collect();
    points.reverse();
    for point in points {
        if umount2(&point, MntFlags::empty()).is_err() {
            // Somebody has a file open there: gone from the tree now, from the kernel when closed.
            umount2(&point, MntFlags::MNT_DETACH)
                .during(|| format!("unmount {}", point.display()))?;
        }
    }
    Ok(())
}

fn mount_points() -> Result<Vec<PathBuf>> {
    let path = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(path).on("read", path)?;
    Ok(parse_mount_points(&text))
}

/// The fifth field of each line; the kernel writes spaces and the like as octal.
fn parse_mount_points(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| {
            let plain = field
                .replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n");
            PathBuf::from(plain.replace("\\134", "\\"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let text = "36 35 98:0 / /run/a\\040b rw master:1 - ext4 /dev/x rw\n37 36 0:5 / /run/c rw - tmpfs t rw\n";
        assert_eq!(
            parse_mount_points(text),
            [PathBuf::from("/run/a b"), PathBuf::from("/run/c")]
        );
    }
}
