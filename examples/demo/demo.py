#!/usr/bin/env python3
"""demo.py - a fleet of 20 devices is patched, and a bad release is caught.

Run it by `make demo`. Everything it starts is a real process: the server on
SQLite, the operator's command line, and 20 board emulators that boot real
images with the agent inside. Ends with `demo ok: ...`, or says what failed.
"""
import argparse
import os
import pathlib
import shutil
import signal
import sys
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/support'))
import intruder  # noqa: E402
import lab as labs  # noqa: E402

CLASSES = ('gw-a', 'gw-b')
BOLD, DIM, GREEN, YELLOW, RED, PLAIN = (
    ('\033[1m', '\033[2m', '\033[32m', '\033[33m', '\033[31m', '\033[0m') if sys.stdout.isatty() else ('',) * 6)


class Story:
    """Prints numbered headings with the time, and progress in place."""

    def __init__(self):
        self.began = time.monotonic()
        self.number = 0
        self.last = ''

    def clock(self):
        return time.monotonic() - self.began

    def chapter(self, text):
        self.number += 1
        print(f'\n{BOLD}{self.number}. {text}{PLAIN} {DIM}[{self.clock():.0f} s]{PLAIN}', flush=True)

    def line(self, text):
        print(f'   {text}', flush=True)

    def progress(self, text):
        """One line that is redrawn on a terminal, printed when it changed elsewhere."""
        if text == self.last:
            return
        self.last = text
        if sys.stdout.isatty():
            print(f'\r\033[K   {text}', end='', flush=True)
        else:
            print(f'   {text}', flush=True)

    def end_progress(self):
        if sys.stdout.isatty() and self.last:
            print(flush=True)
        self.last = ''


def table(rows, header):
    """Columns in line; the last one is wrapped to the terminal's width."""
    widths = [max(len(str(row[i])) for row in [header] + rows) for i in range(len(header) - 1)]
    indent = 3 + sum(width + 2 for width in widths)
    room = max(40, min(120, shutil.get_terminal_size((120, 40)).columns) - indent)
    for row in [header] + rows:
        lines = textwrap.wrap(str(row[-1]), room) or ['']
        print('   ' + ''.join(str(cell).ljust(width + 2) for cell, width in zip(row, widths)) + lines[0])
        for line in lines[1:]:
            print(' ' * indent + line)


def cells(stratum):
    """One character for each device of a stratum."""
    waiting = stratum['size'] - stratum['healthy'] - stratum['inFlight'] - stratum['failed']
    return (f"{GREEN}{'#' * stratum['healthy']}{PLAIN}{YELLOW}{'>' * stratum['inFlight']}{PLAIN}"
            f"{RED}{'x' * stratum['failed']}{PLAIN}{DIM}{'.' * waiting}{PLAIN}")


def rollout_line(status):
    return '   '.join(f"{s['name']} [{cells(s)}] stage {s['stage']}/{s['stages']} {s['state']:<8}"
                      for s in status['pawl']['strata'])


def follow_rollout(lab, story, name, seconds=150):
    """Shows a rollout until it ends; returns its last status."""
    story.line(f'{DIM}# healthy on the new release   > in flight   x failed   . waiting{PLAIN}')

    def ended():
        status = lab.pawl_json('rollout', 'status', name)
        story.progress(rollout_line(status))
        return status if status['status'] in ('finished', 'paused', 'stopped') else None

    try:
        return labs.wait_for(ended, seconds, f'rollout {name} ends', poll=0.4)
    finally:
        story.end_progress()


def expect(condition, text):
    if not condition:
        raise labs.LabError(text)


def versions(lab):
    return {d['controllerId']: d['pawl']['version'] for d in lab.list_devices()}


def install_fleet(lab, story, count):
    story.chapter('Keys, certificates, server')
    lab.set_up()
    lab.add_product()
    story.line('root 2 of 3, targets 2 of 3, product 2 of 2, channel, snapshot: on the operator\'s side')
    story.line(f"server: devices on port {lab.ports['device']}, operators on {lab.ports['operator']}; "
               'its only signing key is timestamp')

    story.chapter('Release 1.0.0: real images, busybox, the agent and its libraries')
    images = {hw: lab.build_image('1.0.0', 1, hw) for hw in CLASSES}
    lab.release('1.0.0', 1, images)
    for hardware, path in images.items():
        story.line(f'{hardware}: {path.stat().st_size / 1e6:.1f} MB, sha256 {labs.sha256_of(path)[:16]}...')

    story.chapter(f'{count} devices of two hardware classes are switched on and enrol')
    for index in range(count):
        hardware = CLASSES[index % 2]
        lab.add_device(f'dev-{index + 1:02}', hardware, images[hardware], '1.0.0', 1)
    lab.approve_all(count)

    def all_idle():
        devices = lab.list_devices()
        idle = sum(1 for d in devices if d['pawl']['version'] == '1.0.0' and d['pawl']['state'] == 'idle')
        story.progress(f'{idle} of {count} devices booted, enrolled, healthy on 1.0.0')
        return idle == count

    labs.wait_for(all_idle, 90, 'all devices report 1.0.0', poll=0.4)
    story.end_progress()


def good_release(lab, story, count):
    story.chapter('Release 2.0.0 goes out in stages of 20, 50 and 100 %')
    lab.release('2.0.0', 2, {hw: lab.build_image('2.0.0', 2, hw) for hw in CLASSES})
    lab.pawl('rollout', 'start', '--product', labs.PRODUCT, '--release', '2.0.0', '--group', labs.GROUP,
             '--name', 'v2', '--stages', '20,50,100', '--budget', '2')
    status = follow_rollout(lab, story, 'v2')
    expect(status['status'] == 'finished', f"rollout v2 is {status['status']}: {status['pawl']['why']}")
    running = versions(lab)
    expect(all(v == '2.0.0' for v in running.values()), f'not all on 2.0.0: {running}')
    story.line(f'{GREEN}{count} of {count} devices rebooted into 2.0.0, measured and confirmed{PLAIN}')


def bad_release(lab, story):
    story.chapter('Release 3.0.0: signed and valid, but its init crashes on gw-b')
    lab.release('3.0.0', 3, {hw: lab.build_image('3.0.0', 3, hw, fault='init-crash-on=gw-b') for hw in CLASSES})
    lab.pawl('rollout', 'start', '--product', labs.PRODUCT, '--release', '3.0.0', '--group', labs.GROUP,
             '--name', 'v3', '--stages', '20,50,100', '--budget', '2')
    status = follow_rollout(lab, story, 'v3')
    strata = {s['name']: s for s in status['pawl']['strata']}
    bad, good = strata['gw-b'], strata['gw-a']
    expect(bad['state'] == 'halted' and bad['stage'] == 1, f'gw-b did not halt in its first stage: {bad}')
    expect(good['state'] == 'finished' and good['failed'] == 0, f'gw-a was harmed: {good}')
    story.line(f"{RED}gw-b{PLAIN} {bad['why']}")

    def recovered():
        devices = lab.list_devices()
        return all(d['pawl']['version'] == ('3.0.0' if d['pawl']['hardwareClass'] == 'gw-a' else '2.0.0')
                   for d in devices) and devices

    labs.wait_for(recovered, 60, 'gw-b devices run 2.0.0 again')
    harmed = [d for d in lab.list_devices() if d['pawl']['state'] == 'failed']
    for device in harmed:
        story.line(f"{device['controllerId']}: {device['pawl']['why']}")
    story.line(f"{GREEN}{len(harmed)} device(s) of gw-b tried it and fell back by themselves; "
               f"{good['healthy']} of gw-a run 3.0.0{PLAIN}")
    return len(harmed)


def refused(lab, story, device_id, version, what, expected):
    """Offers a release to one device and waits for its refusal."""
    before = lab.devices[device_id].show()
    lab.pawl('device', 'assign', device_id, '--release', version)

    def answer():
        shown = lab.devices[device_id].show()
        ended = shown['pawl']['state'] in ('failed', 'refused')
        return shown if ended and shown['pawl']['lastActionId'] != before['pawl']['lastActionId'] else None

    shown = labs.wait_for(answer, 60, f'{device_id} refuses {what}', poll=0.3)
    expect(any(word in shown['pawl']['why'] for word in expected), f"{what}: unexpected reason {shown['pawl']['why']}")
    expect(shown['pawl']['version'] == before['pawl']['version'], f'{what}: the device runs something else now')
    story.line(f"{what}: {GREEN}refused{PLAIN}: {shown['pawl']['why']}")


def refusals(lab, story):
    story.chapter('Three refusals: the server is in an intruder\'s hands now')
    lab.release('4.0.0', 4, {hw: lab.build_image('4.0.0', 4, hw) for hw in CLASSES})
    lab.pawl('channel', 'set', '--product', labs.PRODUCT, '--release', '4.0.0', '--group', labs.GROUP)
    thief = intruder.Intruder(lab)
    try:
        thief.flip_byte('4.0.0', 'gw-a')
        refused(lab, story, 'dev-01', '4.0.0', 'one flipped bit in the artifact', ('hash', 'match'))
        thief.restore()
        thief.forge_release('4.0.0', 'gw-a', lab.images / '1.0.0.gw-a.img',
                            snapshot_key=lab.repo / 'keys/snapshot.pem')
        refused(lab, story, 'dev-03', '4.0.0', 'an image signed by an unknown key', ('signature',))
    finally:
        thief.restore()
    # Even signed for its channel by the operator, by mistake: it is older.
    lab.pawl('channel', 'set', '--product', labs.PRODUCT, '--release', '1.0.0', '--group', labs.GROUP)
    refused(lab, story, 'dev-05', '1.0.0', 'an older release', ('older',))
    # The intruder's snapshot was rightly signed: devices that saw it take nothing
    # older, so the operator goes past it.
    for _ in range(2):
        lab.pawl('repo', 'sign', 'prod-acme')
        lab.pawl('repo', 'sign', 'snapshot')
        lab.pawl('repo', 'publish')


def final_table(lab, story):
    story.chapter('The fleet')
    rows = []
    for device in sorted(lab.list_devices(), key=lambda d: d['controllerId']):
        pawl = device['pawl']
        rows.append((device['controllerId'], pawl['hardwareClass'], pawl['slot'], pawl['version'], pawl['state'],
                     pawl['why']))
    table(rows, ('device', 'class', 'slot', 'version', 'state', 'why'))


def keep_running(lab, story):
    story.chapter('KEEP=1: everything keeps running; Ctrl-C ends it')
    pawl = f"{lab.tool('pawl')} -C {lab.repo}"
    for command in ('device list', 'device show dev-02', 'rollout status v3', 'repo status', 'audit',
                    'rollout start --product acme --release 4.0.0 --group field --follow'):
        story.line(f'{pawl} {command}')
    story.line(f'less {lab.dir}/server.log {lab.dir}/devices/dev-02/console.log')
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def parse_arguments():
    parser = argparse.ArgumentParser(description='Patch a fleet while you watch.')
    parser.add_argument('--build', default=ROOT / 'build/release')
    parser.add_argument('--devices', type=int, default=20)
    parser.add_argument('--dir', default=ROOT / '.demo')
    parser.add_argument('--keep', action='store_true', help='leave everything running at the end')
    return parser.parse_args()


def main():
    options = parse_arguments()
    folder = pathlib.Path(options.dir)
    shutil.rmtree(folder, ignore_errors=True)
    os.umask(0o077)
    story = Story()
    lab = labs.Lab(folder, options.build)
    try:
        install_fleet(lab, story, options.devices)
        good_release(lab, story, options.devices)
        harmed = bad_release(lab, story)
        refusals(lab, story)
        final_table(lab, story)
        print(f'\n{GREEN}demo ok:{PLAIN} {options.devices} devices patched to 2.0.0, bad release halted in its first '
              f'stage after {harmed} device(s) fell back, 3 of 3 attacks refused, 0 devices lost, '
              f'{story.clock():.0f} s')
        if options.keep:
            keep_running(lab, story)
        return 0
    except (labs.LabError, KeyError, AssertionError) as problem:
        story.end_progress()
        print(f'\ndemo failed after {story.clock():.0f} s: {problem}\nlogs: {folder}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\ndemo interrupted', file=sys.stderr)
        return 130
    finally:
        lab.close()


if __name__ == '__main__':
    sys.exit(main())
