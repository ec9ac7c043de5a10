#!/bin/sh
# Runs a command as if its root file system were the machine: enter.sh ROOT DEBS NPM_CACHE COMMAND…, in mount and process
# namespaces of its own (unshare -mpf), which take every mount with them.
set -eu
root=$1
debs=$2
npm=$3
shift 3
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
for name in null zero full random urandom tty; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/var/cache/apt/archives" "$root/npm-cache"
mount --bind "$debs" "$root/var/cache/apt/archives"
mount --bind "$npm" "$root/npm-cache"
exec chroot "$root" "$@"
