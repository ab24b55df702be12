"""lib/seal against the program age: each opens what the other sealed."""
import os
import pathlib
import random
import shutil
import subprocess

import pytest

TOOL = os.environ.get('SEAL_TOOL', '')
CHUNK = 65536
SIZES = [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 12345]


def test_the_programs_are_there():
    assert pathlib.Path(TOOL).is_file(), 'SEAL_TOOL names no program'
    assert shutil.which('age') and shutil.which('age-keygen'), 'install the package age (tools/setup)'


def ours(*arguments, data=b'', stdin=None, code=0):
    how = {'stdin': stdin} if stdin else {'input': data}
    result = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, check=False, timeout=60, **how)
    assert result.returncode == code, result.stderr
    return result


def age(*arguments, data=b'', code=0):
    result = subprocess.run(['age', *map(str, arguments)], input=data, capture_output=True, check=False, timeout=60)
    assert result.returncode == code, result.stderr
    return result


@pytest.fixture(name='theirs', scope='module')
def key_of_age_keygen(tmp_path_factory):
    """Path of the file, identity and recipient."""
    path = tmp_path_factory.mktemp('theirs') / 'key'
    subprocess.run(['age-keygen', '-o', path], check=True, capture_output=True)
    identity = path.read_text().splitlines()[-1]
    recipient = subprocess.run(['age-keygen', '-y', path], check=True, capture_output=True, text=True).stdout.strip()
    return path, identity, recipient


@pytest.fixture(name='own', scope='module')
def key_of_lib_seal(tmp_path_factory):
    identity, recipient = ours('keygen').stdout.decode().split()
    path = tmp_path_factory.mktemp('own') / 'key'
    path.write_text(identity + '\n')
    return path, identity, recipient


def plaintext(size):
    return random.Random(size).randbytes(size)


def test_keys_are_the_same(own):
    path, _, recipient = own
    shown = subprocess.run(['age-keygen', '-y', path], check=True, capture_output=True, text=True).stdout.strip()
    assert shown == recipient


@pytest.mark.parametrize('size', SIZES)
def test_age_opens_what_we_seal(own, theirs, size):
    plain = plaintext(size)
    for path, _, recipient in (own, theirs):
        sealed = ours('seal', recipient, data=plain).stdout
        chunks = max(1, -(-size // CHUNK))
        assert len(sealed) == 168 + 16 + size + 16 * chunks
        assert age('-d', '-i', path, data=sealed).stdout == plain


@pytest.mark.parametrize('size', SIZES)
def test_we_open_what_age_seals(own, theirs, size):
    plain = plaintext(size)
    for _, identity, recipient in (own, theirs):
        sealed = age('-r', recipient, data=plain).stdout
        result = ours('open', identity, data=sealed)
        assert result.stdout == plain and result.stderr.startswith(b'ok ')


def test_several_recipients_both_ways(own, theirs):
    plain = plaintext(5000)
    sealed = ours('seal', own[2], theirs[2], data=plain).stdout
    assert all(age('-d', '-i', key[0], data=sealed).stdout == plain for key in (own, theirs))
    sealed = age('-r', own[2], '-r', theirs[2], data=plain).stdout
    assert all(ours('open', key[1], data=sealed).stdout == plain for key in (own, theirs))


def test_a_stranger_opens_nothing(own, theirs):
    sealed = age('-r', theirs[2], data=b'secret').stdout
    result = ours('open', own[1], data=sealed, code=1)
    assert result.stdout == b'' and result.stderr == b'no-matching-key 0\n'
    sealed = ours('seal', own[2], data=b'secret').stdout
    assert age('-d', '-i', theirs[0], data=sealed, code=1).stdout == b''


def test_both_refuse_the_same_harm(own):
    path, identity, recipient = own
    sealed = bytearray(ours('seal', recipient, data=plaintext(CHUNK + 10)).stdout)
    chance = random.Random(5)
    for _ in range(40):
        harmed = bytearray(sealed)
        harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
        assert age('-d', '-i', path, data=bytes(harmed), code=1).returncode == 1
        assert ours('open', identity, data=bytes(harmed), code=1).returncode == 1


def test_an_armored_file_is_refused_by_name(own):
    armored = age('-a', '-r', own[2], data=b'text').stdout
    result = ours('open', own[1], data=armored, code=1)
    assert result.stdout == b'' and result.stderr == b'malformed 0\n'


def test_a_file_for_a_passphrase_beside_nothing_of_ours(own):
    """Another kind of recipient (an SSH key) beside ours does not disturb."""
    folder = own[0].parent
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', folder / 'ssh'], check=True) \
        if shutil.which('ssh-keygen') else pytest.skip('ssh-keygen is not installed')
    sealed = age('-R', folder / 'ssh.pub', '-r', own[2], data=b'for both').stdout
    assert b'-> ssh-ed25519 ' in sealed
    assert ours('open', own[1], data=sealed).stdout == b'for both'


def test_reading_resumes_in_a_file_of_age(theirs, tmp_path):
    plain = plaintext(4 * CHUNK + 99)
    path = tmp_path / 'sealed'
    path.write_bytes(age('-r', theirs[2], data=plain).stdout)
    for chunk in range(5):
        with path.open('rb') as file:
            assert ours('resume', chunk, theirs[1], stdin=file).stdout == plain[chunk * CHUNK:]


def test_an_epoch_key_is_a_file_of_its_own(own):
    """Group mode as an operator checks it by hand: the group's key sealed to a device, the
    artifact sealed to the group."""
    identity, recipient = ours('keygen').stdout.decode().split()
    wrapped = ours('seal', own[2], data=identity.encode()).stdout
    assert len(wrapped) == 274
    unwrapped = age('-d', '-i', own[0], data=wrapped).stdout
    group = own[0].parent / 'group'
    group.write_bytes(unwrapped)
    artifact = ours('seal', recipient, data=b'firmware').stdout
    assert age('-d', '-i', group, data=artifact).stdout == b'firmware'
