"""The Numba kernels: arrays in, arrays out; no files, no keys, no policy, no logging.

One module holds the kernels of one topic, because Numba's cache notices an edit only in the file
of the kernel itself: kernels that call each other live together. Nothing here imports the rest of
waarmerk; `marking` and `detection` import from here, inside functions, so that Numba is loaded only
when a kernel is about to run. This file imports nothing, and should stay so.
"""
