"""Classes 1 to 4: reading, inheriting and writing what is not the script's; tricky artefacts."""

from __future__ import annotations

from tests.sandbox.attack import Attack

READING = [
    Attack("read a file of the host", 1, "print(attempt(lambda: open(p['secret']).read()))"),
    Attack("read it from bash", 1, 'read -r x < "$OFFHOURS_PARAM_SECRET"; echo "$x"', "bash"),
    Attack(
        "read it by ..", 1, "print(attempt(lambda: open('../../../../..' + p['secret']).read()))"
    ),
    Attack(
        "read it through a link",
        1,
        "os.symlink(p['secret'], 'link'); print(attempt(lambda: open('link').read()))",
    ),
    Attack(
        "read it through process 1",
        1,
        "print(attempt(lambda: open('/proc/1/root' + p['secret']).read()))",
    ),
    Attack(
        "read it through every process",
        1,
        """
for pid in filter(str.isdigit, os.listdir('/proc')):
    for way in ('root', 'cwd'):
        attempt(lambda: print(open(f'/proc/{pid}/{way}{p["secret"]}').read()))
""",
    ),
    Attack(
        "password files",
        1,
        """
for path in ('/etc/shadow', '/etc/gshadow', '/etc/passwd', '/etc/sudoers', '/etc/machine-id'):
    text = attempt(lambda: open(path).read())
    if text: breach(path)
""",
    ),
    Attack(
        "homes and temporary folders",
        1,
        """
for path in ('/root', '/home', '/var', '/srv', '/mnt', '/media', '/run', '/boot'):
    for name in attempt(os.listdir, path) or ():
        if name not in ('.pyenv', '.local', 'venv', 'opt'): breach(path, name)
if p['folder'].split('/')[-1] in (attempt(os.listdir, '/tmp') or ()): breach('/tmp')
""",
    ),
    Attack(
        "raw disks and memory",
        1,
        """
for path in ('/dev/sda', '/dev/vda', '/dev/nvme0n1', '/dev/mem', '/dev/kmem', '/dev/kmsg',
             '/dev/port', '/proc/kcore', '/dev/fuse', '/dev/kvm', '/dev/loop-control'):
    try:
        os.close(os.open(path, os.O_RDONLY)); breach(path)
    except OSError: pass
""",
    ),
    Attack(
        "files by number",
        1,
        """
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128)); mount = ctypes.c_int()
r, e = call(303, -100, b'/usr', handle, ctypes.byref(mount), 0)
r2, e2 = call(304, 3, handle, 0)
if r == 0 or r2 >= 0: breach('handles', r, r2)
""",
    ),
    Attack(
        "descriptors beyond the standard three",
        2,
        """
for fd in range(3, 256):
    try: where = os.readlink(f'/proc/self/fd/{fd}')
    except OSError: continue
    data = attempt(os.pread, fd, 4096, 0) or b''
    print(where, data)
    if 'socket' in where: breach(where)
""",
    ),
    Attack("own environment", 2, "print(dict(os.environ), open('/proc/self/environ').read())"),
    Attack("own environment in bash", 2, "set; export -p; compgen -v", "bash"),
    Attack(
        "everybody's environment and command line",
        2,
        """
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('environ', 'cmdline', 'maps', 'stack'):
        attempt(lambda: print(open(f'/proc/{pid}/{name}', 'rb').read()))
""",
    ),
    Attack(
        "process 1: environment, memory, descriptors",
        2,
        """
for name in ('environ', 'mem', 'auxv', 'maps', 'fd', 'map_files', 'ns/mnt', 'exe', 'cwd', 'root'):
    path = f'/proc/{p["victim"] if p["plain"] else 1}/{name}'
    try:
        os.listdir(path) if name in ('fd', 'map_files') else (
            os.readlink(path) if name in ('ns/mnt', 'exe', 'cwd', 'root') else open(path, 'rb'))
        breach(path)
    except OSError: pass
""",
    ),
    Attack(
        "the memory of our own process",
        2,
        """
for line in open('/proc/self/maps'):
    span, rights = line.split()[:2]
    if rights.startswith('r') and 'vsyscall' not in line and 'vvar' not in line:
        start, end = (int(x, 16) for x in span.split('-'))
        try:
            with open('/proc/self/mem', 'rb') as mem:
                mem.seek(start); data = mem.read(end - start)
        except OSError: continue
        place = data.find(b'canary' + b'-')
        if place >= 0: print(data[place:place + 60])
""",
    ),
    Attack(
        "what the kernel knows of keys and of its start",
        2,
        """
for name in ('keys', 'key-users', 'cmdline', 'kmsg', 'kcore', 'timer_list'):
    try:
        if open(f'/proc/{name}', 'rb').read(10): breach(name)
    except OSError: pass
""",
    ),
]

WRITING = [
    Attack(
        "write into the system",
        3,
        """
for path in ('/', '/usr', '/usr/bin', '/etc', '/bin', '/lib', os.path.dirname(os.__file__),
             '/dev', '/dev/pts', '/proc', '/sys', '/run', '/var/tmp', '/opt', '/home', '/root'):
    try:
        name = os.path.join(path, 'offhours-attack'); open(name, 'w').close()
        os.unlink(name); breach(path)
    except OSError: pass
""",
    ),
    Attack(
        "write where everybody may", 3, "attempt(lambda: open(p['drop'] + '/left', 'w').write('x'))"
    ),
    Attack("write where everybody may, by bash", 3, 'echo x > "$OFFHOURS_PARAM_DROP/left"', "bash"),
    Attack(
        "change a file of the system",
        3,
        """
for path in ('/usr/bin/env', os.__file__, sys.executable, '/etc/ld.so.cache', '/etc/localtime'):
    for way in (lambda: os.close(os.open(path, os.O_WRONLY)), lambda: os.chmod(path, 0o777),
                lambda: os.utime(path), lambda: os.rename(path, path + '2')):
        try: way(); breach(path)
        except OSError: pass
""",
        harmful=True,
    ),
    Attack(
        "settings of the kernel",
        3,
        """
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger',
             '/proc/sys/vm/drop_caches', '/proc/self/uid_map', '/proc/self/setgroups',
             '/proc/1/oom_score_adj', '/sys/fs/cgroup/cgroup.procs', '/sys/power/state',
             '/proc/self/oom_score_adj', '/proc/sys/kernel/ns_last_pid'):
    try: os.close(os.open(path, os.O_WRONLY)); breach(path)
    except OSError: pass
""",
    ),
    Attack(
        "hidden memory file systems",
        3,
        """
wrote = 0
for folder in ('/dev', '/', '/etc', '/run', '/dev/mqueue', '/proc/self', '/dev/hugepages'):
    try:
        with open(folder + '/big', 'wb') as file:
            for _ in range(32): file.write(bytes(1 << 20))
        breach(folder)
    except OSError: pass
try:
    with open('/dev/shm/big', 'wb') as file:
        for _ in range(32): file.write(bytes(1 << 20))
    breach('/dev/shm')
except OSError: pass
finally:
    attempt(os.unlink, '/dev/shm/big')
""",
    ),
    Attack(
        "hard link to a file of the system",
        3,
        """
for path in ('/usr/bin/env', os.__file__, '/proc/self/exe'):
    try: os.link(path, 'mine'); breach(path)
    except OSError: pass
""",
        harmful=True,
    ),
    Attack(
        "leave the folder by mkdir, rename, openat",
        3,
        """
fd = os.open('/', os.O_RDONLY)
for way in (lambda: os.mkdir('../x'), lambda: os.rename('.', '../y'),
            lambda: os.open('x', os.O_CREAT | os.O_WRONLY, dir_fd=fd)):
    try: way(); breach('outside')
    except OSError: pass
""",
        harmful=True,
    ),
]

ARTEFACTS = [
    Attack(
        "links as artefacts",
        4,
        """
os.symlink(p['secret'], 'report.txt'); os.symlink('/', 'root'); os.symlink('/etc', 'etc')
os.symlink('report.txt', 'again'); os.mkdir('d'); os.symlink('../../..' + p['secret'], 'd/up')
os.symlink('/proc/self/environ', 'env'); os.symlink('/proc/1/root' + p['secret'], 'one')
""",
    ),
    Attack(
        "pipes, sockets and devices as artefacts",
        4,
        """
attempt(os.mkfifo, 'fifo')
for kind in (0o020000, 0o060000):
    try: os.mknod(f'dev{kind}', 0o666 | kind, os.makedev(1, 5)); breach('device')
    except OSError: pass
def bind():
    s = socket.socket(socket.AF_UNIX); s.bind('sock')
attempt(bind)
""",
    ),
    Attack(
        "hard links among artefacts",
        4,
        "open('a', 'w').write('x'); os.link('a', 'b'); attempt(os.link, '/proc/self/environ', 'c')",
    ),
    Attack(
        "set-uid artefacts",
        4,
        "open('tool', 'w').write('#!/bin/sh'); os.chmod('tool', 0o6777)",
    ),
    Attack(
        "odd names",
        4,
        r"""
for name in (b'-rf', b'a\nb', b'\xff\xfe', b'\x1b]0;title\x07', '\u202etxt.exe'.encode(), b' ',
             b'a' * 255, b'~', b'$(id)', b'..hidden', b'con', b'a\\b', b'%s%n'):
    attempt(lambda: open(name, 'w').write('x'))
""",
    ),
    Attack(
        "a folder deeper than any path",
        4,
        """
for _ in range(800):
    os.mkdir('d' * 30); os.chdir('d' * 30)
open('bottom', 'w').write('x')
""",
    ),
    Attack(
        "huge sparse artefacts",
        4,
        """
for n in range(200):
    with open(f'f{n}', 'wb') as file: attempt(file.truncate, 15_000_000)
""",
    ),
    Attack(
        "artefacts nobody may read",
        4,
        """
os.mkdir('closed'); open('closed/x', 'w').write('x'); os.chmod('closed', 0)
open('shut', 'w').write('x'); os.chmod('shut', 0); os.chmod('.', 0o300) if 0 else None
""",
    ),
    Attack(
        "our own folder replaced by a link",
        4,
        """
import shutil
shutil.rmtree('.offhours'); os.symlink(p['folder'], '.offhours')
""",
    ),
    Attack(
        "the result replaced by a link or a pipe",
        4,
        """
where = os.environ['OFFHOURS_RESULT']
os.symlink(p['secret'], where)
""",
    ),
    Attack("the result is a pipe", 4, "os.mkfifo(os.environ['OFFHOURS_RESULT'])"),
    Attack(
        "files that change while they are collected",
        4,
        """
open('swap', 'w').write('x')
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            os.unlink('swap'); os.symlink(p['secret'], 'swap'); os.unlink('swap')
            open('swap', 'w').write('x')
        except OSError: pass
time.sleep(0.05)
""",
        harmful=True,
    ),
]

ATTACKS = [*READING, *WRITING, *ARTEFACTS]
