#!/bin/sh
# Turns a freshly unpacked Debian into the lab's base tree. Runs inside it, chrooted.
set -eu

# Nothing of the platform starts by itself: what starts it is what is being tested.
for unit in apache2 apache-htcacheclean drbd heartbeat ipmievd logd mariadb openipmi rsync e2scrub_reap snmpd snmptrapd \
    sysstat systemd-pstore tomcat10; do
    systemctl --quiet disable "$unit.service" 2>/dev/null || true
done
# Nothing happens behind a test's back either.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer logrotate.timer systemd-tmpfiles-clean.timer console-getty.service \
    getty@tty1.service systemd-modules-load.service systemd-binfmt.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
systemctl --quiet set-default multi-user.target
systemctl --quiet enable ssh.service

# rpm's database where every RPM distribution has it, whatever HOME is.
mkdir -p /etc/rpm /var/lib/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros

# rpmbuild does not take capabilities from the build root; root does not need these.
setcap -r /usr/bin/ping || true
setcap -r /usr/bin/arping || true

mkdir -p /etc/systemd/journald.conf.d /var/log/journal
cat >/etc/systemd/journald.conf.d/10-lab.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=32M
RateLimitIntervalSec=0
CONF

cat >/etc/ssh/sshd_config.d/10-lab.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
MaxStartups 100:30:200
MaxSessions 100
CONF
rm -f /etc/ssh/ssh_host_*

echo 'LANG=C.UTF-8' >/etc/default/locale
echo '# Left empty on purpose: every remote command would pay for what stands here.' >/root/.bashrc
: >/etc/motd
rm -f /etc/resolv.conf
: >/etc/resolv.conf
chmod 0644 /etc/resolv.conf
sed -i 's/^hosts:.*/hosts:          files/' /etc/nsswitch.conf
: >/etc/machine-id
: >/etc/hostname
chmod 0644 /etc/hostname /etc/machine-id
printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
rm -f /etc/fstab /var/lib/dbus/machine-id
mkdir -p -m 0700 /root/.ssh

# The database of the platform has a data directory of its own; this one is only large.
find /var/lib/mysql -mindepth 1 -delete

rm -rf /var/cache/apt /var/lib/apt/lists /var/log/*.log /var/log/apt /var/log/apache2/*.log
mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial
