"""Fixtures of the server's tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import server_kit  # noqa: E402


def pytest_addoption(parser):
    parser.addoption('--build', default=str(server_kit.ROOT / 'build/asan'),
                     help='build folder of the programs under test')


@pytest.fixture(scope='module', name='kit')
def running_kit(request, tmp_path_factory):
    kit = server_kit.Kit(tmp_path_factory.mktemp('server'), request.config.getoption('--build'))
    yield kit
    code = kit.lab.stop_server()
    log = (kit.lab.dir / 'server.log').read_text(errors='replace')
    kit.close()
    # A sanitizer's report, a leak or a disorderly end fails the tests.
    assert 'Sanitizer' not in log and 'runtime error' not in log, log[-4000:]
    assert code in (0, None), log[-2000:]
