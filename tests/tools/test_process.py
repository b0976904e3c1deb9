# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ports, and commands that run beside each other."""

import subprocess
import sys

from dev.process import ROOT, free_port

ASK = "from dev.process import free_port; print(free_port({port}), flush=True); input()"


def test_two_commands_at_once_take_different_ports():
    """Two demos took one port, and the second logged in to the first."""
    first_free = free_port()
    command = [sys.executable, "-c", ASK.format(port=first_free + 1)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=ROOT, **pipes) for _each in range(4)]
    try:
        ports = [process.stdout.readline().strip() for process in running]
    finally:
        for process in running:
            process.communicate("\n")
    assert len(set(ports)) == 4, ports


def test_a_port_is_free_again_when_its_command_has_ended():
    port = free_port() + 1
    command = [sys.executable, "-c", ASK.format(port=port)]
    given = [
        subprocess.run(
            command, cwd=ROOT, input="\n", capture_output=True, text=True, check=True
        ).stdout.strip()
        for _each in range(2)
    ]
    assert given[0] == given[1]
