"""A Debian system of its own under a folder, in namespaces: its own processes, network, mounts. systemd
runs as its first process, as on a real machine. Needs root and debootstrap."""
import glob
import os
import re
import shutil
import signal
import subprocess
import time

SUITE = "bookworm"
PATIENCE_S = 120

# What a machine has and a chroot does not. /proc/sys and /sys are read-only: they are the host's.
BOOT = r"""
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
cd "$root"
pivot_root . mnt
umount -l /mnt
# As on a machine: what systemd mounts for a service must be seen by all.
mount --make-rshared /
exec env -i container=loa-test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd
"""
NAMESPACES = ("mount", "pid", "ipc", "uts", "net", "cgroup")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def mirrors():
    """The lines of this machine's apt that Debian's packages come from."""
    lines = []
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith(".sources"):
            for stanza in re.split(r"\n\s*\n", text):
                field = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.M))
                for suite in field.get("Suites", "").split():
                    for uri in field.get("URIs", "").split():
                        lines.append((uri, suite))
        elif path.endswith(".list"):
            for _, uri, suite in re.findall(r"^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.M):
                lines.append((uri, suite))
    found = [(uri, suite) for uri, suite in lines if suite.startswith(SUITE)]
    if not any(suite == SUITE for _, suite in found):
        raise AssertionError(f"apt's sources on this machine name no mirror with Debian's {SUITE}")
    return found


class Sandbox:
    def __init__(self, folder):
        self.root = os.path.join(folder, "root")
        self.process = None
        self.init = None

    def bootstrap(self):
        sources = mirrors()
        main = next(uri for uri, suite in sources if suite == SUITE)
        run("debootstrap", "--variant=minbase", "--include=systemd-sysv,ca-certificates", SUITE,
            self.root, main)
        with open(self.path("etc/apt/sources.list"), "w", encoding="utf-8") as file:
            file.writelines(f"deb {uri} {suite} main\n" for uri, suite in sources)
        shutil.copy("/etc/resolv.conf", self.path("etc/resolv.conf"))
        # Nobody sits at its console.
        os.symlink("/dev/null", self.path("etc/systemd/system/console-getty.service"))

        # A machine without an id would be booted for the first time, and enable every unit there is.
        self.chroot("systemd-machine-id-setup")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def chroot(self, *command):
        """Before it is booted, with this machine's network."""
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                   'mount --make-rprivate / && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
                   self.root, *command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                                             "DEBIAN_FRONTEND": "noninteractive"})

    def boot(self):
        self.process = subprocess.Popen(
            ["unshare", *(f"--{name}" for name in NAMESPACES), "--fork", "--kill-child", "sh", "-c",
             BOOT, "boot", self.root],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"

        def booted():
            with open(children, encoding="utf-8") as file:
                found = file.read().split()
            if not found:
                return False
            self.init = found[0]
            return self.inside("systemctl", "is-system-running", status=None).stdout.strip() in (
                "running", "degraded")

        self.wait_until("systemd has started", booted)

    def inside(self, *command, status=0, **options):
        """Runs a command in the booted system; the exit status must be as said (None: any)."""
        done = subprocess.run(
            ["nsenter", "--target", self.init, "--mount", "--pid", "--ipc", "--uts", "--net",
             "--cgroup", "--root", "--wd=/", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
             "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *command],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}, not {status}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    @staticmethod
    def wait_until(what, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {PATIENCE_S} s")
            time.sleep(0.1)

    def close(self):
        if self.init is not None:
            # The first process of a namespace takes all others with it.
            os.kill(int(self.init), signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
