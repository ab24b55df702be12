"""Boards for tests: tiny images of busybox alone, and the boot record written
by another hand than the program's."""
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import build_image  # noqa: E402  (its folder is known only now)

BOARD = os.environ['PAWL_BOARD']
STATES = ['empty', 'writing', 'staged', 'trial', 'good', 'bad']
SECTOR = 4096
REBOOT = 'reboot -f\nsleep 60\n'


def tiny_tree(init):
    tree = build_image.Tree()
    tree.folder('usr/bin')
    tree.link('bin', 'usr/bin')
    build_image.add_busybox(tree)
    tree.file('init', f'#!/bin/sh\n{init}'.encode(), executable=True)
    return tree


def tiny(init):
    """An image whose /init is this shell script."""
    return build_image.write_cpio(tiny_tree(init))


def pack_slot(state, tries=0, version='', sec=0, seq=0, content=b''):
    return struct.pack('<BBBBQQQ32s32s4x', STATES.index(state), tries, 0, len(version), sec, seq, len(content),
                       hashlib.sha256(content).digest() if content else b'', version.encode())


def pack_record(sequence, running, floor, slots):
    """docs/spec/device.md and pawl/bootrec.h, from the text."""
    body = struct.pack('<4sHBBQQ', b'PBRC', 1, running, 0, sequence, floor) + b''.join(slots) + bytes(36)
    return body + struct.pack('<I', zlib.crc32(body))


class Board:
    def __init__(self, folder, image, watchdog_ms=20000):
        self.dir = pathlib.Path(folder)
        self.image = image
        self.watchdog_ms = watchdog_ms
        factory = self.dir.with_suffix('.img')
        factory.write_bytes(image)
        self.call('init', '--image', factory, '--version', '1.0.0', '--seq', 1, '--sec', 1,
                  '--hardware-class', 'gw-a', '--slot-size', '80MiB')

    def command(self, verb, *arguments):
        return [str(word) for word in (BOARD, verb, '--dir', self.dir, *arguments)]

    def call(self, verb, *arguments, code=0):
        done = subprocess.run(self.command(verb, *arguments), capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == code, f'{verb}: code {done.returncode}\n{done.stdout}{done.stderr}'
        return done.stdout

    def start(self):
        return subprocess.Popen(self.command('run', '--watchdog-ms', self.watchdog_ms), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def run(self, boots, code=0):
        """The events of so many boots, each a dictionary with its name under 'event'."""
        out = self.call('run', '--watchdog-ms', self.watchdog_ms, '--max-boots', boots, code=code)
        return [parse_event(line) for line in out.splitlines()]

    def show(self):
        return json.loads(self.call('show', '--json'))

    def console(self):
        return (self.dir / 'console.log').read_text()

    def stage(self, content, tries=3, version='2.0.0', length=None):
        """Puts an image into slot B, activated, as an agent does."""
        with open(self.dir / 'slot_b.img', 'r+b') as slot:
            slot.write(content)
        described = content if length is None else content[:length]
        record = pack_record(self.show()['sequence'] + 1, 0, 1,
                             [pack_slot('good', 3, '1.0.0', 1, 1, self.image),
                              pack_slot('staged', tries, version, 1, 2, described)])
        with open(self.dir / 'boot-record.bin', 'r+b') as file:
            file.write(record)
            file.seek(SECTOR)
            file.write(record)


def parse_event(line):
    name, _, rest = line.partition(' ')
    event = {'event': name}
    while rest:
        key, _, rest = rest.partition('=')
        if rest.startswith('"'):
            event[key], _, rest = rest[1:].partition('"')
            rest = rest.lstrip()
        else:
            event[key], _, rest = rest.partition(' ')
    return event


def boots_of(events):
    """[(slot, reason)] of the boots, and how each ended."""
    boots = [(e['slot'], e['reason']) for e in events if e['event'] == 'board.boot']
    ends = [e['how'] for e in events if e['event'] == 'board.end']
    return boots, ends


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'still not after {seconds} s: {what}'
        time.sleep(0.01)
