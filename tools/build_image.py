#!/usr/bin/env python3
"""build_image.py: builds the root file system image of a demo device.

A cpio archive of the "newc" format that pawl-board boots: busybox, the agent
with every library it needs, the overlay examples/image, time zones and
character sets from this machine's packages. The same input gives the same
bytes: sorted names, no times, no owners, inode numbers in order.

    build_image.py --product acme --version 2.0.0 --seq 2 --sec 1 \\
        --hardware-class gw-a --agent build/programs/agent/pawl-agent --out 2.0.0.gw-a.img

--fault ships a mistake that people make, in the files of the image:
  init-crash-on=CLASS  the driver of that class was forgotten; init ends
  hang                 a start script waits for ever for a sensor
  unhealthy            the calibration table that a health check reads is missing
"""
import argparse
import hashlib
import os
import pathlib
import re
import stat
import subprocess
import sys

BUSYBOX = pathlib.Path('/bin/busybox')
OVERLAY = pathlib.Path(__file__).resolve().parent.parent / 'examples/image'
# Parts of the overlay that are placed by name and not where they lie.
TEMPLATES = {'driver.sh', 'sensor-wait.sh'}
# Real files of real packages, so that an image has the size and the variety of
# a small product. What one machine lacks is left out, and named.
EXTRA_FOLDERS = ['usr/share/zoneinfo', 'usr/lib/{triplet}/gconv', 'usr/lib/{triplet}/ossl-modules',
                 'usr/lib/{triplet}/engines-3']
MERGED_FOLDERS = {'bin': 'usr/bin', 'sbin': 'usr/sbin', 'lib': 'usr/lib', 'lib64': 'usr/lib64'}
EMPTY_FOLDERS = ['data', 'dev', 'proc', 'run', 'tmp', 'usr/sbin']
SIZE_MIN = 10 * 1000 * 1000
CALIBRATION_SIZE = 1 << 20
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._+-]*')


class Tree:
    """The files of an image: path without leading slash -> (mode, content)."""

    def __init__(self):
        self.entries = {}

    def add(self, path, mode, content=b''):
        path = path.strip('/')
        if not path or any(part in ('', '.', '..') for part in path.split('/')):
            raise ValueError(f'not a path inside an image: {path!r}')
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.add(parent, stat.S_IFDIR | 0o755)
        if parent and not stat.S_ISDIR(self.entries[parent][0]):
            raise ValueError(f'{parent} is no folder, but {path} lies in it')
        if path in self.entries and self.entries[path] != (mode, content):
            raise ValueError(f'{path} is there twice, and differs')
        self.entries[path] = (mode, content)

    def folder(self, path, mode=0o755):
        self.add(path, stat.S_IFDIR | mode)

    def file(self, path, content, executable=False):
        self.add(path, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def link(self, path, target):
        self.add(path, stat.S_IFLNK | 0o777, target.encode())

    def copy(self, source, path):
        """A file of this machine; only its execute bit is kept of its mode."""
        source = pathlib.Path(source)
        self.file(path, source.read_bytes(), bool(source.stat().st_mode & 0o111))

    def copy_folder(self, source, path, skip=()):
        """Links inside stay links, links that lead out become files."""
        for found in sorted(pathlib.Path(source).rglob('*')):
            name = found.relative_to(source).as_posix()
            if name in skip:
                continue
            if found.is_symlink() and not os.readlink(found).startswith('/') and \
                    found.resolve().is_relative_to(pathlib.Path(source).resolve()):
                self.link(f'{path}/{name}', os.readlink(found))
            elif found.is_dir():
                self.folder(f'{path}/{name}')
            elif found.is_file():
                self.copy(found, f'{path}/{name}')


def newc_entry(inode, path, mode, content):
    name = path.encode() + b'\0'
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = [inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0]
    head = b'070701' + b''.join(b'%08X' % field for field in fields) + name
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def write_cpio(tree):
    """The archive as bytes, filled up to 512 as cpio does."""
    parts = [newc_entry(inode, path, *tree.entries[path])
             for inode, path in enumerate(sorted(tree.entries), 1)]
    parts.append(newc_entry(0, 'TRAILER!!!', 0, b''))
    archive = b''.join(parts)
    return archive + bytes(-len(archive) % 512)


def add_busybox(tree):
    """busybox and a link for each of its commands; the static one, since an
    image without an agent has no libraries."""
    if libraries_of(BUSYBOX):
        raise SystemExit(f'build_image.py: {BUSYBOX} is not static; install busybox-static')
    tree.copy(BUSYBOX, 'usr/bin/busybox')
    listed = subprocess.run([BUSYBOX, '--list'], check=True, capture_output=True, text=True).stdout
    for name in listed.split():
        if name != 'busybox':
            tree.link(f'usr/bin/{name}', 'busybox')


def libraries_of(program):
    """Absolute paths of all shared libraries, the dynamic linker included."""
    listed = subprocess.run(['ldd', program], check=False, capture_output=True, text=True)
    if 'not a dynamic executable' in listed.stdout + listed.stderr:
        return []
    if listed.returncode != 0:
        raise SystemExit(f'build_image.py: ldd {program}: {listed.stderr.strip()}')
    found = set()
    for line in listed.stdout.splitlines():
        if 'not found' in line:
            raise SystemExit(f'build_image.py: {program} needs a library that is not here: {line.strip()}')
        match = re.search(r'(?:=> )?(/\S+) \(0x', line)
        if match:
            found.add(match.group(1))
    return sorted(found)


def merged(path):
    """Debian's /lib is /usr/lib; so it is in the image."""
    first, _, rest = path.strip('/').partition('/')
    return f'{MERGED_FOLDERS[first]}/{rest}' if first in MERGED_FOLDERS else path.strip('/')


def add_agent(tree, agent):
    tree.file('usr/bin/pawl-agent', pathlib.Path(agent).read_bytes(), executable=True)
    for library in libraries_of(agent):
        tree.file(merged(library), pathlib.Path(library).read_bytes(), executable=True)


def add_extra(tree):
    triplet = subprocess.run(['gcc', '-dumpmachine'], check=False, capture_output=True,
                             text=True).stdout.strip() or f'{os.uname().machine}-linux-gnu'
    for folder in EXTRA_FOLDERS:
        path = folder.format(triplet=triplet)
        if pathlib.Path('/', path).is_dir():
            tree.copy_folder(f'/{path}', path)
        else:
            print(f'build_image.py: no /{path} here, left out', file=sys.stderr)


def calibration_of(seed):
    """A table that is another one in each version, as measured ones are."""
    return b''.join(hashlib.sha256(f'{seed} {block}'.encode()).digest()
                    for block in range(CALIBRATION_SIZE // 32))


def add_product(tree, options):
    release = {'product': options.product, 'version': options.version, 'seq': options.seq,
               'sec': options.sec, 'hardware-class': ' '.join(options.hardware_class)}
    tree.file('etc/pawl-release', ''.join(f'{key} = {value}\n' for key, value in release.items()).encode())
    driver = (OVERLAY / 'driver.sh').read_text()
    for hardware in options.hardware_class:
        if options.fault != f'init-crash-on={hardware}':
            tree.file(f'usr/lib/drivers/{hardware}.sh', driver.replace('@HARDWARE@', hardware).encode())
    tree.folder('usr/lib/drivers')
    if options.fault == 'hang':
        tree.copy(OVERLAY / 'sensor-wait.sh', 'etc/rc.d/20-sensor-wait.sh')
    table = calibration_of(f'{options.product} {options.version}')
    if options.fault != 'unhealthy':
        tree.file('usr/share/board/calibration.bin', table)
    tree.file('usr/share/board/calibration.sha256',
              f'{hashlib.sha256(table).hexdigest()}  calibration.bin\n'.encode())


def build(options):
    tree = Tree()
    for folder in EMPTY_FOLDERS:
        tree.folder(folder, 0o1777 if folder == 'tmp' else 0o755)
    for link, target in MERGED_FOLDERS.items():
        tree.folder(target)
        tree.link(link, target)
    add_busybox(tree)
    add_agent(tree, options.agent)
    add_extra(tree)
    tree.copy_folder(OVERLAY, '', skip=TEMPLATES)
    add_product(tree, options)
    return write_cpio(tree)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog='\n'.join(__doc__.splitlines()[2:]))
    parser.add_argument('--product', required=True)
    parser.add_argument('--version', required=True)
    parser.add_argument('--seq', required=True, type=int)
    parser.add_argument('--sec', required=True, type=int)
    parser.add_argument('--hardware-class', required=True, action='append',
                        help='what the image is made for; may be given several times')
    parser.add_argument('--agent', required=True, help='the pawl-agent to put in')
    parser.add_argument('--out', required=True, help='the image file to write')
    parser.add_argument('--fault', default='none',
                        help='none, init-crash-on=CLASS, hang or unhealthy')
    options = parser.parse_args(arguments)
    for name in [options.product, options.version, *options.hardware_class]:
        if not NAME.fullmatch(name) or '..' in name:
            parser.error(f'not a name: {name!r}')
    if not re.fullmatch(r'none|hang|unhealthy|init-crash-on=\S+', options.fault):
        parser.error(f'no such fault: {options.fault!r}')
    return options


def main():
    options = parse(sys.argv[1:])
    archive = build(options)
    if len(archive) < SIZE_MIN:
        print(f'build_image.py: only {len(archive)} bytes: zoneinfo and gconv are missing here',
              file=sys.stderr)
    out = pathlib.Path(options.out)
    temporary = out.with_name(f'.{out.name}.{os.getpid()}')
    temporary.write_bytes(archive)
    temporary.replace(out)
    print(f'{out} {len(archive)} bytes sha256 {hashlib.sha256(archive).hexdigest()}')


if __name__ == '__main__':
    main()
