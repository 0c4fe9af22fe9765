"""Run by a chapter's kernel before the first cell: write down each file of the package that it opens.

An import opens a file, too: that of the module, or Python's compiled copy of it. The environment says which package
(CHAPTER_PACKAGE, its folder) and where to write (CHAPTER_OPENED, a line a file). No name stays in the chapter's own.
"""


def write_down() -> None:
    import os
    import sys

    package = os.path.join(os.environ["CHAPTER_PACKAGE"], "")
    log = os.open(os.environ["CHAPTER_OPENED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    seen = set()

    def hook(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            path = os.path.abspath(arguments[0])
            if path.startswith(package) and path not in seen:
                seen.add(path)
                os.write(log, f"{path}\n".encode())

    sys.addaudithook(hook)


write_down()
del write_down
