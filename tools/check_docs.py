#!/usr/bin/env python3
"""check_docs.py ROOT BUILD: fails when the manual and the programs disagree.

- Every command and option that a program prints in --help stands in its page
  below docs/man, and no page names one that the program does not have.
- Every setting of --print-config stands in the .conf.5 page with its default,
  and the other way round.
- `mandoc -T lint -W warning` has nothing to say about the pages.
- Every reason id that an agent may report is explained in docs/spec/device.md.
- Every link of a *.md file to a file of this tree leads somewhere.

The programs come from the build folder BUILD; a program that is not built is a failure.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAMS = {'pawl': 'pawl', 'pawl-server': 'server', 'pawl-agent': 'agent', 'pawl-board': 'board', 'pawl-tuf': 'tuf'}
LINK = re.compile(r'\[[^\]\n]*\]\(([^)\s]+)\)')
OPTION = re.compile(r'--([a-z][a-z0-9-]*)')
# Long options are written "Fl -name", short ones "Fl n".
FLAG_MACRO = re.compile(r'\bFl (-?[a-z][a-z0-9-]*)')
# Not in the list of --help.
HIDDEN_COMMANDS = {'pawl': {'completion', 'help'}}


class Checker:
    """Everything that was found; the folders that are looked at."""

    def __init__(self, root, build):
        self.root = root
        self.build = build
        self.problems = []

    def report(self, where, text):
        self.problems.append(f'{where}: {text}')

    def ask(self, program, *arguments):
        """What a program prints; not built or a failure: reported, and ''."""
        path = self.build / 'programs' / PROGRAMS[program] / program
        if not path.exists():
            self.report(program, f'{path} is not built')
            return ''
        result = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False,
                                stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            self.report(program, f'{" ".join(map(str, arguments))} ended with {result.returncode}: {result.stderr}')
        return result.stdout

    def page(self, name):
        path = self.root / 'docs/man' / name
        if not path.exists():
            self.report(f'docs/man/{name}', 'is missing')
            return ''
        return path.read_text(encoding='utf-8')

    # --- reading a page ---

    @staticmethod
    def section(page, title):
        """The lines of one section."""
        match = re.search(rf'^\.Sh {re.escape(title)}\n(.*?)(?=^\.Sh |\Z)', page, re.M | re.S)
        return match.group(1) if match else ''

    @staticmethod
    def long_flags(text):
        return {flag[1:] for flag in FLAG_MACRO.findall(text) if flag.startswith('-')}

    @classmethod
    def described_flags(cls, text):
        """Options that have an item of their own, not only a mention."""
        items = [line for line in text.splitlines() if line.startswith('.It Fl')]
        return cls.long_flags('\n'.join(items))

    @classmethod
    def commands_of(cls, page):
        """{'key create': its part of the page}, from COMMANDS."""
        text = cls.section(page, 'COMMANDS')
        parts = re.split(r'^\.It Cm ', text, flags=re.M)[1:]
        found = {}
        for part in parts:
            head = part.split('\n', 1)[0]
            words = re.split(r' (?:Ar|Op)\b', head)[0].strip()
            # What follows the list of the command's group is not the command's.
            found[words] = re.split(r'^\.Ss ', part, flags=re.M)[0]
        return found

    # --- help of a program with a command table ---

    def check_commands(self, program, page_name):
        page = self.page(page_name)
        overview = self.ask(program, '--help')
        listed = re.search(r'\nCommands:\n(.*?)\n\n', overview, re.S)
        if not page or listed is None:
            self.report(program, '--help lists no commands')
            return
        names = [re.split(r'  +', line.strip())[0] for line in listed.group(1).splitlines()
                 if re.match(r'  \S', line)]
        described = self.commands_of(page)
        common = self.described_flags(self.section(page, 'OPTIONS'))
        where = f'docs/man/{page_name}'
        for option in sorted(set(OPTION.findall(overview.split('Options of every command:')[-1].split('\n\n')[0]))):
            if option not in common:
                self.report(where, f'--{option} of every command is not in OPTIONS')
        for name in names:
            if name not in described:
                self.report(where, f'the command "{name}" is not in COMMANDS')
                continue
            self.check_options(where, name, self.ask(program, 'help', *name.split()), described[name], common)
        for name in sorted(set(described) - set(names) - HIDDEN_COMMANDS.get(program, set())):
            self.report(where, f'describes "{name}", which {program} does not have')

    def check_options(self, where, name, text, part, common):
        printed = {match.group(1) for line in text.split('\nOptions:\n')[-1].splitlines()
                   for match in [re.match(r'\s{2}(?:-\w, |\s{4})--([a-z][a-z0-9-]*)', line)] if match}
        written = self.described_flags(part)
        if not printed:
            self.report(where, f'"{name} --help" prints no options')
        for option in sorted(printed - written - common):
            self.report(where, f'--{option} of "{name}" is not described')
        for option in sorted(written - printed):
            self.report(where, f'describes --{option} of "{name}", which it does not have')

    # --- help of the other programs ---

    def check_board(self):
        page = self.page('pawl-board.1')
        described = self.commands_of(page)
        parts = re.split(r'^(\w+): (?=[A-Z])', self.ask('pawl-board', '--help'), flags=re.M)[1:]
        if not parts:
            self.report('pawl-board', '--help lists no commands')
        for name, text in zip(parts[::2], parts[1::2]):
            if name not in described:
                self.report('docs/man/pawl-board.1', f'the command "{name}" is not in COMMANDS')
                continue
            printed = set(re.findall(r'^    --([a-z][a-z0-9-]*)', text, re.M))
            written = self.described_flags(described[name])
            for option in sorted(printed - written):
                self.report('docs/man/pawl-board.1', f'--{option} of "{name}" is not described')
            for option in sorted(written - printed):
                self.report('docs/man/pawl-board.1', f'describes --{option} of "{name}", which it does not have')
        for name in sorted(set(described) - set(parts[::2])):
            self.report('docs/man/pawl-board.1', f'describes "{name}", which pawl-board does not have')

    def check_agent(self):
        """Flags of its own in the .8 page; flags that are settings in the .5 page."""
        written = self.described_flags(self.section(self.page('pawl-agent.8'), 'OPTIONS'))
        settings = set(self.settings_of('pawl-agent.conf.5'))
        printed = {option for line in self.ask('pawl-agent', '--help').splitlines()
                   if re.match(r'    --', line) for option in OPTION.findall(line)}
        for option in sorted(printed - written - settings):
            self.report('docs/man/pawl-agent.8', f'--{option} is described neither here nor in pawl-agent.conf.5')
        for option in sorted(written - printed):
            self.report('docs/man/pawl-agent.8', f'describes --{option}, which pawl-agent does not have')

    # --- settings ---

    def settings_of(self, page_name):
        """{name: default, None when it must be given} from `.It Cm name Ar kind Pq default`."""
        found = {}
        for line in self.section(self.page(page_name), 'SETTINGS').splitlines():
            match = re.fullmatch(r'\.It Cm (\S+) Ar (\S+)(?: Pq (.+))?', line)
            if match:
                found[match.group(1)] = match.group(3)
            elif line.startswith('.It'):
                self.report(f'docs/man/{page_name}', f'"{line}" is not ".It Cm NAME Ar KIND [Pq DEFAULT]"')
        return found

    def check_settings(self, page_name, text, prefix=''):
        """`prefix`: the folder that relative paths were taken from."""
        where = f'docs/man/{page_name}'
        described = self.settings_of(page_name)
        printed = {}
        for line in text.splitlines():
            match = re.fullmatch(r'(# )?([a-z][a-z0-9-]*) = ?(.*)', line)
            if match and match.group(1):
                printed[match.group(2)] = None
            elif match:
                printed[match.group(2)] = match.group(3).removeprefix(prefix) or 'none'
        if not printed:
            self.report(where, '--print-config prints no settings')
        for name, preset in printed.items():
            if name not in described:
                self.report(where, f'the setting {name} is not described')
            elif described[name] != preset:
                self.report(where, f'the default of {name} is {preset}, the page says {described[name]}')
        for name in sorted(set(described) - set(printed)):
            self.report(where, f'describes {name}, which is no setting')

    # --- the pages themselves, and everything else that is written ---

    def check_lint(self):
        pages = sorted(path for path in (self.root / 'docs/man').iterdir() if re.fullmatch(r'\.[1-9]', path.suffix))
        result = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', *pages], capture_output=True, text=True,
                                check=False)
        self.problems += [line for line in (result.stdout + result.stderr).splitlines() if line]
        installed = (self.root / 'docs/man/meson.build').read_text(encoding='utf-8')
        for path in pages:
            if f"'{path.name}'" not in installed:
                self.report(f'docs/man/{path.name}', 'is not installed by docs/man/meson.build')

    def check_reasons(self):
        header = (self.root / 'include/pawl/device.h').read_text(encoding='utf-8')
        text = (self.root / 'docs/spec/device.md').read_text(encoding='utf-8')
        ids = [id_ for name, id_ in re.findall(r'X\((\w+), "([a-z-]+)", [A-Z]+, "', header) if name != 'NONE']
        if not ids:
            self.report('include/pawl/device.h', 'no reason ids found')
        for id_ in ids:
            if not re.search(rf'(?<![\w-]){id_}(?![\w-])', text):
                self.report('docs/spec/device.md', f'the reason id {id_} is not there')

    def markdown(self):
        for path in sorted(self.root.rglob('*.md')):
            parts = path.relative_to(self.root).parts
            if parts[0] != 'build' and not any(part.startswith('.') for part in parts):
                yield path

    def check_links(self):
        for path in self.markdown():
            text = re.sub(r'^```.*?^```', '', path.read_text(encoding='utf-8'), flags=re.M | re.S)
            for target in LINK.findall(re.sub(r'`[^`\n]*`', '', text)):
                file = target.split('#')[0]
                if re.match(r'[a-z][a-z0-9+.-]*:', target) or not file:
                    continue
                if not (path.parent / file).exists():
                    self.report(path.relative_to(self.root), f'the link to {target} leads nowhere')

    def check_all(self):
        self.check_commands('pawl', 'pawl.1')
        self.check_commands('pawl-server', 'pawl-server.8')
        self.check_commands('pawl-tuf', 'pawl-tuf.1')
        self.check_board()
        self.check_agent()
        # No settings file: what is printed are the defaults.
        self.check_settings('pawl-agent.conf.5', self.ask('pawl-agent', '--config', '/dev/null', '--print-config'))
        with tempfile.TemporaryDirectory() as folder:
            self.check_settings('pawl-server.conf.5', self.ask('pawl-server', '--data', folder, '--print-config'),
                                prefix=f'{folder}/')
        self.check_lint()
        self.check_reasons()
        self.check_links()


def main():
    if len(sys.argv) != 3:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    checker = Checker(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
    checker.check_all()
    print('\n'.join(checker.problems) if checker.problems else 'the manual and the programs agree')
    return 1 if checker.problems else 0


if __name__ == '__main__':
    sys.exit(main())
