# Types at a shell as a person does: at-a-terminal.py BEGIN '[[KEYS, EXPECTED], …]' SHELL…
# BEGIN is a line to run first. Then KEYS are typed, the screen is read until it shows EXPECTED, and the line is deleted.
import json, os, pty, re, select, sys, time

begin, lines, *shell = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.environ.update(PS1="READY> ", PROMPT="READY> ", TERM="dumb", COLUMNS="500", LINES="500")
    os.execvp(shell[0], shell)

screen = ""
end = time.monotonic() + 50


def read_until(pattern, start=0):
    global screen
    while not re.search(pattern, screen[start:]):
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        if not ready:
            sys.exit(f"{pattern} did not come: {screen[start:]}")
        screen += os.read(terminal, 65536).decode(errors="replace")


read_until("READY> ")
os.write(terminal, (begin + "; echo LOADED$((1))\n").encode())
read_until("LOADED1(.|\n)*READY> ")
for keys, expected in json.loads(lines):
    start = len(screen)
    os.write(terminal, keys.encode())
    read_until(expected, start)
    os.write(terminal, b"\x15")
print(screen)
os.kill(child, 9)
os.waitpid(child, 0)
