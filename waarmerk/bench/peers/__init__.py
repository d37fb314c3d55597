"""Watermarks of others, measured as schemes of the suite beside ours.

Each runs in a process of its own, in a virtual environment of its own (`environments`), with the
packages that its authors publish; none is a dependency of waarmerk. `schemes` has them by name for
`waarmerk bench run --scheme`; `published` has the figures of those that cannot run here.

::

    our process                                a peer's environment
    ImwatermarkDwtDct ── PeerWorker ── JSON ──> worker_serve.py ── worker_image.py ── imwatermark
                             └──────── .npy files ───────────────────────┘

The files ``worker_*.py`` run there, and import nothing of this project.
"""
