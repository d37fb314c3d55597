"""Folders for tests of the command line, which is run where its files are."""

__all__ = ["work_in_copy"]


def work_in_copy(bench, folder, monkeypatch):
    """Copy the files of a folder with their modes, and go there; returns where that is."""
    for file in bench.iterdir():
        copy = folder / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(file.stat().st_mode & 0o777)
    monkeypatch.chdir(folder)
    return folder
