"""A small machine that has the ALSA sequencer: QEMU over this machine's own files, with Debian's kernel.

Containers and cloud machines mostly lack /dev/snd/seq, and their kernels cannot load it. The guest is
emulated without KVM, so it is slow: pure MIDI only, no torch.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from parts import lacking, need

CACHE = Path(tempfile.gettempdir()) / "live-alsa-guest"  # the kernel is fetched once
LIMIT = 400  # seconds that a guest may run
# The host's files over 9p, an overlay to write on, and the sequencer with its virtual ports.
MODULES = (
    "virtio_pci",
    "9pnet_virtio",
    "9p",
    "overlay",
    "snd_seq",
    "snd_seq_midi",
    "snd_virmidi",
    "snd_hrtimer",
)
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /host /scratch /root
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in $(cat /modules.list); do insmod /modules/$module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host
mount -t tmpfs none /scratch
mkdir /scratch/over /scratch/work
mount -t overlay -o lowerdir=/host,upperdir=/scratch/over,workdir=/scratch/work none /root
for each in proc sys dev; do mount --bind /$each /root/$each; done
mkdir -p /root/dev/shm
for each in /root/dev/shm /root/run; do mount -t tmpfs none $each; done
ip link set lo up
cp /job.sh /root/run/job.sh
chroot /root /bin/bash /run/job.sh
echo "GUEST ENDED WITH $?"
poweroff -f
"""


def run(job: str) -> str:
    """Run the bash script `job` as root in the guest and return what it printed; its files are lost.

    It sees this machine's files except those in /run, which is empty.
    """
    need("qemu-system-x86_64", "busybox", "cpio", "modprobe", "depmod", "dpkg-deb", "apt-get")
    tree, version = _kernel()
    with tempfile.TemporaryDirectory() as folder:
        disk = _initial_disk(Path(folder), tree, version, job)
        machine = "-accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nographic -no-reboot"
        share = "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
        kernel = str(tree / "boot" / f"vmlinuz-{version}")
        words = ["-append", "console=ttyS0 quiet panic=-1 mitigations=off", "-virtfs", share]
        done = subprocess.run(
            ["qemu-system-x86_64", *machine.split(), "-kernel", kernel, "-initrd", str(disk), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    printed = done.stdout.decode(errors="replace").replace("\r", "")
    assert "GUEST ENDED WITH 0" in printed, printed[-4000:]
    return printed


def _kernel() -> tuple[Path, str]:
    """Return the unpacked package of Debian's kernel and its version."""
    tree = CACHE / "kernel"
    if not tree.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        depends = subprocess.run(
            ["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False
        ).stdout
        package = next((line.split()[-1] for line in depends.splitlines() if "Depends:" in line), None)
        if package is None:
            lacking("no kernel for the ALSA guest: apt knows no linux-image-amd64; apt-get update on Debian")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            fetched = subprocess.run(
                ["apt-get", "download", package], cwd=folder, capture_output=True, text=True, check=False
            )
            if fetched.returncode != 0:
                lacking(f"no kernel for the ALSA guest: {fetched.stderr.strip()}")
            (archive,) = Path(folder).glob("*.deb")
            unpacked = Path(folder) / "kernel"
            subprocess.run(["dpkg-deb", "-x", str(archive), str(unpacked)], check=True)
            (modules,) = (unpacked / "lib" / "modules").iterdir()
            subprocess.run(["depmod", "-b", str(unpacked), modules.name], capture_output=True, check=False)
            unpacked.rename(tree)
    (modules,) = (tree / "lib" / "modules").iterdir()
    return tree, modules.name


def _initial_disk(folder: Path, tree: Path, version: str, job: str) -> Path:
    """Return the compressed archive that the guest boots from."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    (root / "modules").mkdir()
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, root / "bin" / "busybox")
    order: list[str] = []
    for module in MODULES:
        listed = subprocess.run(
            ["modprobe", "-d", str(tree), "-S", version, "--show-depends", module],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for file in [line.split()[1] for line in listed.splitlines() if line.startswith("insmod")]:
            if Path(file).name not in order:
                shutil.copy(file, root / "modules")
                order.append(Path(file).name)
    (root / "modules.list").write_text("\n".join(order))
    (root / "job.sh").write_text(job)
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    disk = folder / "disk.gz"
    subprocess.run(
        f"find . | cpio --create --format=newc --quiet | gzip -1 > {disk}", shell=True, cwd=root, check=True
    )
    return disk
