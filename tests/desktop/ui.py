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

WHAT is [APPLICATION/]ROLE:NAME, both regular expressions, that of the role for all of it; ROLE may be empty: nm-connection-editor/push
button:^Add$. A > between two means that the second is somewhere in the first: "dialog:^New > text:^Name". Where several
fit, the first that is shown counts. What is asked for is waited for, 10 seconds at most.
"""
import re
import sys
import time

import pyatspi
from gi.repository import GLib


def children(node):
    for index in range(node.childCount):
        try:
            child = node.getChildAtIndex(index)
        except GLib.Error:  # gone meanwhile
            continue
        if child is not None:
            yield child


def walk(node, depth=0):
    yield node, depth
    if depth < 60:
        try:
            for child in children(node):
                yield from walk(child, depth + 1)
        except GLib.Error:
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
    states = node.getState()
    if states.contains(pyatspi.STATE_SHOWING):
        return True
    # GTK 4.8 says of nothing inside a window that it is showing.
    gtk4 = node.get_application().get_toolkit_version().startswith("4.")
    return gtk4 and states.contains(pyatspi.STATE_VISIBLE)


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
            if node is top or role and not re.fullmatch(role, node.getRoleName()):
                continue
            if not re.search(name, name_of(node)) or not shown(node):
                continue
            if len(parts) == 1:
                return node
            found = find_in(node, parts[1:])
            if found is not None:
                return found
        except GLib.Error:  # gone meanwhile
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
    """Toolkits differ in who can be told of a choice: the box, the list in it, or the item."""
    def select(holder, index):
        try:
            holder.querySelection().selectChild(index)
        except NotImplementedError:
            pass

    for child, _ in walk(node):
        if child is node or not re.search(item, child.name or ""):
            continue
        index = child.getIndexInParent()
        for attempt in (lambda: select(node, index), lambda: select(child.parent, index), lambda: press(child)):
            attempt()
            time.sleep(0.3)
            if re.search(item, name_of(node)) or pyatspi.STATE_SELECTED in child.getState().getStates():
                return
    sys.exit(f"ui: {item} cannot be chosen")


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
