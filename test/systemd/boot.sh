#!/bin/sh
# Makes systemd process 1 of the namespaces that it is started in (unshare -mpfCnui), with this machine's programs, our
# units, and nothing else: of the machine itself it can change nothing. boot.sh EMPTY_FOLDER CHECKOUT
set -eu
root=$1/root
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mkdir -p "$root/usr/lib/porchlight"
mount --bind "$2" "$root/usr/lib/porchlight"
mount -o remount,bind,ro "$root/usr/lib/porchlight"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
for name in null zero full random urandom tty ptmx; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done

# Of what the machine starts at boot, nothing is started.
rm -rf "$root"/etc/systemd/system/* "$root"/usr/lib/systemd/system/*.target.wants/* \
  "$root"/usr/lib/systemd/system-generators/* "$root/etc/fstab" "$root/var/log/journal"
mkdir -p "$root/etc/porchlight" "$root/etc/avahi/services" "$root/var/log/journal"
cp "$2"/systemd/*.service "$2"/systemd/*.path "$root/etc/systemd/system/"
# sysusers.d(5) and tmpfiles.d(5) are applied by the test.
cp "$2/systemd/porchlight.sysusers" "$root/usr/lib/sysusers.d/porchlight.conf"
cp "$2/systemd/porchlight.tmpfiles" "$root/usr/lib/tmpfiles.d/porchlight.conf"
printf '[Unit]\nWants=systemd-journald.service\n' >"$root/etc/systemd/system/test.target"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"

ip link set lo up
ip link add home0 type veth peer name far0
ip link set far0 up
ip link set home0 up
ip address add 192.168.77.5/24 dev home0
ip route add default via 192.168.77.1

cd "$root"
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=test.target --show-status=no
