#!/usr/bin/python3
"""Acts on windows by what they tell screen readers (AT-SPI), not by where things are on the screen.

    ui.py tree [APPLICATION]              print what there is
    ui.py wait SECONDS WHAT               until it is there
    ui.py gone SECONDS WHAT               until it is not there any more
    ui.py press WHAT                      the first action: click, activate, open
    ui.py choose WHAT ITEM                select an item of a list or a box by its name
    ui.py type WHAT TEXT                  replace the text; - reads it from standard input
    ui.py text WHAT                       print the text
    ui.py place WHAT                      print where it is on the screen: X Y WIDTH HEIGHT
    ui.py state WHAT STATE                succeed if it has the state: sensitive, checked, showing, ...

WHAT is [APPLICATION/]ROLE:NAME, with a regular expression for the name; ROLE may be empty: nm-connection-editor/push
button:^Add$. A > between two means that the second is somewhere in the first: "dialog:^New > text:^Name". Where several
fit, the first that is shown counts. What is asked for is waited for, 10 seconds at most.
"""
import re
import sys
import time

import pyatspi


def children(node):
    for index in range(node.childCount):
        try:
            child = node.getChildAtIndex(index)
        except Exception:  # gone meanwhile
            continue
        if child is not None:
            yield child


def walk(node, depth=0):
    yield node, depth
    if depth < 60:
        try:
            for child in children(node):
                yield from walk(child, depth + 1)
        except Exception:
            return


def applications():
    for application in children(pyatspi.Registry.getDesktop(0)):
        yield application


def name_of(node):
    """What a screen reader would call it: its name, else the label that is for it."""
    if node.name:
        return node.name
    for relation in node.getRelationSet():
        if relation.getRelationType() == pyatspi.RELATION_LABELLED_BY and relation.getNTargets():
            return relation.getTarget(0).name
    return ""


def states_of(node):
    return [pyatspi.stateToString(state) for state in node.getState().getStates()]


def shown(node):
    return node.getState().contains(pyatspi.STATE_SHOWING)


def find(what):
    first, *rest = what.split(" > ")
    where, _, name = first.partition(":")
    application, slash, _ = where.rpartition("/")
    first = first[len(application + slash):]
    for top in applications():
        if not application or top.name == application:
            node = find_in(top, [first, *rest])
            if node is not None:
                return node
    return None


def find_in(top, parts):
    role, _, name = parts[0].partition(":")
    for node, _ in walk(top):
        try:
            if node is top or role and node.getRoleName() != role:
                continue
            if not re.search(name, name_of(node)) or not shown(node):
                continue
            if len(parts) == 1:
                return node
            found = find_in(node, parts[1:])
            if found is not None:
                return found
        except Exception:  # gone meanwhile
            continue
    return None


def wait(what, seconds=10.0, there=True):
    end = time.monotonic() + seconds
    while True:
        node = find(what)
        if (node is not None) == there:
            return node
        if time.monotonic() > end:
            sys.exit(f"ui: {what} is {'not there' if there else 'still there'}")
        time.sleep(0.2)


def press(node):
    action = node.queryAction()
    if not action.nActions or not action.doAction(0):
        sys.exit("ui: it cannot be pressed")


def choose(node, item):
    for child, _ in walk(node):
        if child is not node and re.search(item, child.name or ""):
            parent, index = child.parent, child.getIndexInParent()
            try:
                if parent.querySelection().selectChild(index):
                    return
            except NotImplementedError:
                pass
            return press(child)
    sys.exit(f"ui: it has no {item}")


def main(command, *arguments):
    if command == "tree":
        for top in applications():
            if not arguments or top.name == arguments[0]:
                for node, depth in walk(top):
                    kept = [state for state in states_of(node) if state in
                            ("showing", "sensitive", "checked", "focused", "selected", "invalid entry")]
                    print("  " * depth + f"{node.getRoleName()}:{name_of(node)} [{' '.join(kept)}]")
    elif command == "wait":
        wait(arguments[1], float(arguments[0]))
    elif command == "gone":
        wait(arguments[1], float(arguments[0]), there=False)
    elif command == "press":
        press(wait(arguments[0]))
    elif command == "choose":
        choose(wait(arguments[0]), arguments[1])
    elif command == "type":
        text = sys.stdin.read() if arguments[1] == "-" else arguments[1]
        wait(arguments[0]).queryEditableText().setTextContents(text)
    elif command == "text":
        content = wait(arguments[0]).queryText()
        print(content.getText(0, content.characterCount))
    elif command == "place":
        place = wait(arguments[0]).queryComponent().getExtents(pyatspi.DESKTOP_COORDS)
        print(place.x, place.y, place.width, place.height)
    elif command == "state":
        sys.exit(0 if arguments[1] in states_of(wait(arguments[0])) else f"ui: it is not {arguments[1]}")
    else:
        sys.exit(__doc__)


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(*sys.argv[1:])
