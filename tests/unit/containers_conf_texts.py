"""What a containers.conf may look like: as people write it, and as nobody should."""

from __future__ import annotations

# As distributions ship it: everything is a comment, and tables follow the one in question.
SHIPPED = """\
# The containers configuration file specifies all of the available configuration
# options for container engines.

[containers]

#annotations = []

# List of default capabilities for containers.
#
default_sysctls = [
 "net.ipv4.ping_group_range=0 0",   # for ping
]

[engine]
# Index to the active service
#
#active_service = "production"

# Cgroup management implementation used for the runtime.
# Valid options "systemd" or "cgroupfs"
#
#cgroup_manager = "systemd"
events_logger = 'file'

# Default OCI runtime
#
runtime = "crun"   # the fast one

num_locks = 2_048

[engine.runtimes]
crun = ["/usr/bin/crun", "/usr/local/bin/crun"]
runc = [
  "/usr/bin/runc",
]

[engine.volume_plugins]
#testplugin = "/run/podman/plugins/test.sock"

[machine]
# The end
"""
SHIPPED_MERGED = SHIPPED.replace('runtime = "crun"   #', 'runtime = "runc"   #').replace(
    "num_locks = 2_048\n", 'num_locks = 2_048\ncgroup_manager = "cgroupfs"\n'
)
KEYS = 'runtime = "runc"\ncgroup_manager = "cgroupfs"\n'
# Texts, and what becomes of them when both keys are set.
MERGED = {
    "nothing": ("", f"[engine]\n{KEYS}"),
    "a comment": ("# mine\n", f"# mine\n\n[engine]\n{KEYS}"),
    "a comment without an end": ("# mine", f"# mine\n\n[engine]\n{KEYS}"),
    "another table": ("[network]\na=1\n", f"[network]\na=1\n\n[engine]\n{KEYS}"),
    "an empty table": ("[engine]\n", f"[engine]\n{KEYS}"),
    "a table without an end": ("[engine]", f"[engine]\n{KEYS}"),
    "a key without an end": ('[engine]\nruntime = "crun"', f"[engine]\n{KEYS}"),
    "a comment behind a table": ("[engine] # why\n", f"[engine] # why\n{KEYS}"),
    "a file as shipped": (SHIPPED, SHIPPED_MERGED),
    "spaces of its own": (
        "[ engine ]\n  runtime   =   \"crun\"   # x\n\tcgroup_manager='systemd'\n",
        '[ engine ]\n  runtime   =   "runc"   # x\n\tcgroup_manager="cgroupfs"\n',
    ),
    "quoted names": (
        '["engine"]\n"runtime" = \'crun\'\n',
        '["engine"]\n"runtime" = "runc"\ncgroup_manager = "cgroupfs"\n',
    ),
    "only a table below": (
        '[engine.runtimes]\nrunc = ["x"]\n',
        f'[engine]\n{KEYS}\n[engine.runtimes]\nrunc = ["x"]\n',
    ),
    "tables apart": (
        '[engine.runtimes]\nr=["x"]\n[network]\na=1\n[engine]\nruntime="crun"\n',
        '[engine.runtimes]\nr=["x"]\n[network]\na=1\n'
        '[engine]\nruntime="runc"\ncgroup_manager = "cgroupfs"\n',
    ),
    "an inline table": (
        'engine = {runtime = "crun", num_locks = 1} # x\n',
        'engine = {runtime = "runc", num_locks = 1, cgroup_manager = "cgroupfs"} # x\n',
    ),
    "dotted names": (
        'engine.runtime = "crun"\n[network]\n',
        'engine.runtime = "runc"\nengine.cgroup_manager = "cgroupfs"\n[network]\n',
    ),
    "a text of several lines": ('[engine]\nruntime = """\ncrun"""\n', f"[engine]\n{KEYS}"),
}
# Whatever becomes of these to the letter, TOML must read what is wanted.
ODD = {
    "CRLF": '# x\r\n[engine]\r\nruntime = "crun"\r\n[network]\r\na=1\r\n',
    "CRLF and no table": "[network]\r\na=1\r\n",
    "CRLF without an end": "[network]\r\na=1",
    "an empty inline table": "engine = {}",
    "an inline table in a table": "engine = {runtimes = {a = []}}\nx=1\n",
    "an inline table of that name elsewhere": 'x = {engine = {runtime = "crun"}}\n',
    "dotted names apart": "engine.a = 1\nx = 2\nengine.b = 3\n",
    "dotted names without an end": "engine.a = 1",
    "quoted dotted names": '"engine"."runtime" = "crun"',
    "indented tables": "  [engine]\n    num_locks = 1\n  [network]\n    a = 1\n",
    "two tables below, apart": "[engine.a]\nx=1\n[network]\ny=1\n[engine.b]\nz=1\n",
    "the table last": "[engine.a]\nx=1\n[engine]\nnum_locks = 4\n",
    "an array of tables below": "[[engine.x]]\na=1\n[[engine.x]]\na=2\n",
    "a runtime that is a number": "[engine]\nruntime = 5\n",
    "a runtime that is a table": "[engine]\n[engine.runtime]\na=1\n",
    "a key that is twice in different tables": '[a]\nruntime="x"\n[engine.b]\nruntime="y"\n',
    "a table in a text": '[network]\na="""\n[engine]\nruntime = "crun"\n"""\n',
    "blanks": " \n\t\n\n",
    "many tables": "".join(f"[t{i}]\nk = {i}\n" for i in range(300)),
    "many keys": "[engine]\n" + "".join(f"k{i} = {i}\n" for i in range(300)),
    "much text": f'[engine]\nx = "{"x" * 200_000}"\n',
    "deeply nested": f"x = {'[' * 50}{']' * 50}\n",
}
REFUSED = {
    "a replaced byte": ("# \ufffd\n", "not UTF-8"),
    "the table twice": ("[engine]\n[engine]\n", "twice"),
    "a key twice": ('[engine]\nruntime="a"\nruntime="b"\n', "line 3"),
    "an array of tables": ('[[engine]]\nruntime="crun"\n', "not a table"),
    "a number": ("engine = 1\n", "not a table"),
    "a text": ('engine = "runc"\n', "not a table"),
    "a table cut off": ("# x\n[engine\n", "line 2"),
    "no TOML at all": ("runtime: runc\n", "line 1"),
    "NUL": ('a = "\0"\n', "line 1"),
    "a byte order mark": ("\ufeff[engine]\n", "line 1"),
    "a bare CR": ("[engine]\rruntime = 'crun'\n", "line 1"),
    "too deeply nested": (f"x = {'[' * 5000}{']' * 5000}\n", "recursion"),
    "too many dots": (f"{'a.' * 2000}a = 1\n", ""),
    "a table under too many dots": (f"[{'a.' * 2000}a]\n", ""),
}
