"""Process 1 of a run: our own code inside the box, before and after the script.

It is sent there compiled and knows nothing of Offhours. It imports as little as it can, because
each run pays for it. The order of what it does is the security: handles out, fork, everything
locked, and only then the script.
"""

from __future__ import annotations

import gc
import posix

TYPE_CHECKING = False  # importing typing would cost each run 15 ms
if TYPE_CHECKING:
    from typing import Any

BOX = "/sandbox"
SCRIPT_FAILED_FOR_MEMORY = 113

_SOL_SOCKET, _SCM_RIGHTS = 1, 1
_O_DIRECTORY, _O_PATH, _O_CLOEXEC = 0o200000, 0o10000000, 0o2000000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_FILTER = 4, 38, 22, 2
_PR_CAPBSET_DROP = 24
_ADD_RULE, _RESTRICT_SELF, _CREATE_RULESET, _PATH_BENEATH = 445, 446, 444, 1
_SIGCHLD, _SIGINT, _SIGKILL = 17, 2, 9
_PRIVATE_ANONYMOUS_FIXED = 0x02 | 0x20 | 0x100000  # MAP_FIXED_NOREPLACE
_READ_WRITE, _PAGES, _INT = 3, 0x1000, 0xFFFFFFFF

_opened: list[_Library] = []


def main(control: int) -> dict[str, Any]:
    """Serve the worker at the other end of `control`. In the child: what is to be run."""
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    _introduce(control)
    order: dict[str, Any] = _receive(control)
    woken, waker = posix.pipe2(posix.O_NONBLOCK | _O_CLOEXEC)
    _watch_children(waker)
    told, telling = posix.pipe2(_O_CLOEXEC)
    gc.freeze()  # collecting what both have would copy its pages
    child = posix.fork()
    if child:
        posix.close(telling)
        posix._exit(_look_after(child, control, woken, told))
    for fd in (control, woken, waker, told):
        posix.close(fd)
    posix.setsid()
    try:
        _lock(order)
    except BaseException as error:
        posix.write(telling, f"{type(error).__name__}: {error}".encode()[:500])
        posix._exit(1)
    posix.write(telling, b"locked")
    posix.close(telling)
    return order


class _Library:
    """Functions of libc. The module ctypes itself would cost each run a sixth of its time."""

    def __init__(self) -> None:
        import _ctypes

        class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "l"

        class Text(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "z"

        class Function(_ctypes.CFuncPtr):
            _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
            _restype_ = Long

        self.errno = _ctypes.get_errno
        self._integer, self._text, self._function = Long, Text, Function
        self._handle, self._find = _ctypes.dlopen(None, 0), _ctypes.dlsym  # type: ignore[arg-type]

    def call(self, name: str, *arguments: Any) -> int:
        """All integers as wide as a register; bytes as where they are."""
        wide = [self._integer(one) if isinstance(one, int) else one for one in arguments]
        done: int = self._function(self._find(self._handle, name))(*wide)
        return done

    def pointer(self, text: bytes) -> bytes:
        """Where the text lies, as the kernel reads it. It stays there as long as it is kept."""
        return bytes(self._text(text))


def _libc() -> _Library:
    """Opened once: each opening makes classes of its own, which takes its time."""
    if not _opened:
        _opened.append(_Library())
    return _opened[0]


def _call(name: str, *arguments: Any) -> int:
    """A function of libc; a failure is an error that names it."""
    done = _libc().call(name, *arguments)
    if done & _INT == _INT:  # -1, which as an int need not fill the register
        number = _libc().errno()
        raise OSError(number, f"{name}: {posix.strerror(number)}")
    return done


def _introduce(control: int) -> None:
    """Hand out the folders that the worker looks into, before anything untrusted is here."""
    import _socket

    folders = (BOX, "/dev/shm", "/proc")
    fds = [posix.open(folder, posix.O_RDONLY | _O_DIRECTORY | _O_CLOEXEC) for folder in folders]
    carried = b"".join(fd.to_bytes(4, "little") for fd in fds)
    socket = _socket.socket(fileno=posix.dup(control))
    socket.sendmsg([b"here"], [(_SOL_SOCKET, _SCM_RIGHTS, carried)])
    socket.close()
    for fd in fds:
        posix.close(fd)


def _receive(control: int) -> Any:
    import marshal

    return marshal.loads(_exactly(control, int.from_bytes(_exactly(control, 4), "little")))


def _exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = posix.read(fd, size - len(data))
        if not more:
            posix._exit(1)
        data += more
    return data


def _watch_children(waker: int) -> None:
    """Be woken when a child ends; let no signal from inside end or confuse us."""
    import _signal  # type: ignore[import-not-found]

    for number in range(1, 65):
        if number not in (_SIGKILL, 19, 32, 33, _SIGCHLD):
            _signal.signal(number, _signal.SIG_IGN)
    _signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    _signal.signal(_SIGCHLD, lambda *_: None)


def _look_after(child: int, control: int, woken: int, told: int) -> int:
    """Wait until the script ends or the worker has enough of it; leave nobody alive; report."""
    import select

    locked = posix.read(told, 600)
    if locked == b"locked":
        posix.write(control, b"started\n")
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    status = None
    while status is None:
        if any(fd == control for fd, _ in poll.poll()):
            if not posix.read(control, 1):
                return 1  # the worker is dead, and with us dies everything in here
            break
        _drain(woken)
        status = _reap(child)
    ended = status is not None
    status = _end_all(child, status)
    if locked != b"locked":
        posix.write(control, b"unlocked " + locked.replace(b"\n", b" ") + b"\n")
    else:
        posix.write(control, _report(ended, status))
    return 0


def _drain(fd: int) -> None:
    try:
        while posix.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def _reap(child: int) -> int | None:
    """Bury who has ended; the script's own status if it is among them."""
    found = None
    while True:
        try:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
        except ChildProcessError:
            return found
        if pid == child:
            found = status
        if pid == 0:
            return found


def _end_all(child: int, status: int | None) -> int:
    while True:
        try:  # noqa: SIM105  contextlib would cost each run a millisecond
            posix.kill(-1, _SIGKILL)
        except ProcessLookupError:
            pass
        try:
            pid, ended = posix.waitpid(-1, 0)
        except ChildProcessError:
            return status or 0
        if pid == child:
            status = ended


def _report(ended: bool, status: int) -> bytes:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = int((used.ru_utime + used.ru_stime) * 1e6)
    return b"ended %d %d %d %d\n" % (ended, status, cpu, used.ru_maxrss * 1024)


def _lock(order: dict[str, Any]) -> None:
    """Give up everything. From here on there is no way back."""
    import _signal

    _signal.set_wakeup_fd(-1)
    for number in range(1, 65):
        if number not in (_SIGKILL, 19, 32, 33):
            _signal.signal(number, _signal.SIG_DFL)
    _become_ordinary()
    if order["uid"] is not None:
        _become(order["uid"])
    import resource

    for limit, soft, hard in order["rlimits"]:
        most = resource.getrlimit(limit)[1]  # nobody can raise what is lower already
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(limit, (soft, hard))
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock(order["landlock"], order["paths"])
    posix.chdir(BOX)
    if order["program"] is None:
        _prepare_python(order)
        _seccomp(order["filter"])
        _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
        return
    addresses = _lay_out(order)
    _seccomp(order["filter"])
    order["addresses"] = addresses


def _become_ordinary() -> None:
    """First to be ended when memory is short, last to be served."""
    _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    fd = posix.open("/proc/self/oom_score_adj", posix.O_WRONLY | _O_CLOEXEC)
    posix.write(fd, b"1000")
    posix.close(fd)
    posix.nice(10)


def _become(uid: int) -> None:
    """An account that nobody else uses, without any capability and without a way to one."""
    for capability in range(64):
        try:
            _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:
            break  # this kernel has no more
    posix.setgroups([])
    posix.setresgid(uid, uid, uid)
    posix.setresuid(uid, uid, uid)
    header = (0x20080522).to_bytes(4, "little") + bytes(4)
    _call("capset", header, bytes(24))


def _landlock(attributes: bytes, paths: list[tuple[str, int]]) -> None:
    if not attributes:
        return
    ruleset = _call("syscall", _CREATE_RULESET, attributes, len(attributes), 0)
    for path, allowed in paths:
        fd = posix.open(path, _O_PATH | _O_CLOEXEC)
        rule = allowed.to_bytes(8, "little") + fd.to_bytes(4, "little")
        _call("syscall", _ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        posix.close(fd)
    _call("syscall", _RESTRICT_SELF, ruleset, 0)
    posix.close(ruleset)


def _seccomp(program: bytes) -> None:
    head = (len(program) // 8).to_bytes(8, "little") + _libc().pointer(program)
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_FILTER, head, 0, 0)


def _lay_out(order: dict[str, Any]) -> tuple[int, int, int]:
    """Put path, arguments and environment of the program where only the filter expects them."""
    path, arguments, environment = order["cookie"]
    pointers = [_libc().pointer(text) for text in (*order["arguments"], *order["environment"])]
    count = len(order["arguments"])
    _place(path, order["program"] + b"\0")
    _place(arguments, b"".join(pointers[:count]) + bytes(8))
    _place(environment, b"".join(pointers[count:]) + bytes(8))
    return path, arguments, environment


def _place(address: int, content: bytes) -> None:
    size = -(-len(content) // _PAGES) * _PAGES
    if _call("mmap", address, size, _READ_WRITE, _PRIVATE_ANONYMOUS_FIXED, -1, 0) != address:
        raise OSError("an address of the launch is taken")
    _libc().call("memmove", address, content, len(content))


def _prepare_python(order: dict[str, Any]) -> None:
    """What only an unlocked interpreter can do, or what the script should find as usual."""
    import _signal
    import _thread

    _signal.signal(_SIGINT, _signal.default_int_handler)
    _signal.signal(13, _signal.SIG_IGN)  # SIGPIPE and SIGXFSZ, as Python has them
    _signal.signal(25, _signal.SIG_IGN)
    _thread.stack_size(order["stack"])
    posix.environ.clear()
    for entry in order["environment"]:
        name, _, value = entry.partition(b"=")
        posix.environ[name] = value
        posix.putenv(name, value)


def run(order: dict[str, Any]) -> None:
    """The script. Nothing here is trusted any more."""
    if order["program"] is None:
        _run_python(order["script"], order["path"])
    else:
        _call("syscall", order["execve"], *order["addresses"])


def _run_python(script: str, path: str) -> None:
    import builtins
    import sys

    vars(builtins).update(exit=sys.exit, quit=sys.exit)
    sys.argv = [path]
    sys.excepthook = _tell
    code = compile(script, path, "exec", dont_inherit=True)
    called = any(getattr(constant, "co_name", "") == "execute" for constant in code.co_consts)
    module = type(sys)("automation" if called else "__main__")
    vars(module).update(__file__=path, __builtins__=builtins)
    sys.modules["__main__"] = sys.modules[module.__name__] = module
    exec(code, vars(module))
    if called and callable(vars(module).get("execute")):
        _execute(vars(module)["execute"])


def _execute(function: Any) -> None:
    import json
    import os

    with open(os.environ["OFFHOURS_PARAMS"], encoding="utf-8") as file:
        params = json.load(file)
    value = function(params)
    if hasattr(value, "__await__"):
        import asyncio

        value = asyncio.run(value)
    if value is not None:
        text = json.dumps(value, allow_nan=False)
        with open(os.environ["OFFHOURS_RESULT"], "w", encoding="utf-8") as file:
            file.write(text)


def _tell(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """A traceback without our own frames; memory that ran out ends with a code of its own."""
    import sys

    while trace and trace.tb_frame.f_code.co_filename in ("<string>", __file__):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)
    if kind is MemoryError:
        sys.stdout.flush()
        sys.stderr.flush()
        posix._exit(SCRIPT_FAILED_FOR_MEMORY)
