#!/bin/sh
# Builds the stub RPMs of the base tree $1 from the spec $2 and enters them into its rpm database.
# Runs in a mount namespace of its own. The tree itself is the build root, mounted read-only:
# whatever rpmbuild believes about cleaning build roots, it cannot remove anything.
set -eu
tree=$1 spec=$2

mount -t tmpfs -o mode=0755 tmpfs "$tree/mnt"
mkdir -p "$tree/mnt/root" "$tree/mnt/top"
cp "$spec" "$tree/mnt/top/stubs.spec"
mount --bind "$tree" "$tree/mnt/root"
mount -o remount,ro,bind "$tree/mnt/root"
mount -t proc proc "$tree/proc"

in_tree() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH=0 chroot "$tree" "$@"; }

in_tree rpmbuild -bb --quiet --noclean --nodeps --buildroot /mnt/root \
    --define '_topdir /mnt/top' \
    --define '_binary_payload w0.gzdio' \
    --define '_unpackaged_files_terminate_build 0' \
    --define '__check_files %{nil}' \
    --define '__os_install_post %{nil}' \
    --define '_build_id_links none' \
    --define '_missing_doc_files_terminate_build 0' \
    --define '_rpmfilename %%{NAME}.rpm' \
    /mnt/top/stubs.spec

find "$tree/mnt/top/RPMS" -name '*.rpm' -printf '/mnt/top/RPMS/%P\n' >"$tree/mnt/top/list"
in_tree rpm --initdb
in_tree sh -c 'xargs rpm -i --justdb --noscripts --notriggers --nodeps --force --nosignature --ignoresize </mnt/top/list'

umount "$tree/proc" "$tree/mnt/root" "$tree/mnt"
