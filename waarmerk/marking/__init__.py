"""Everything that writes a mark: keys, payload, schemes, manifests, files.

Here live the definitions that a marker and its detector share (key streams, payload code, geometry
of each scheme), so `detection` imports from here and never the other way round. Import the modules
by name; this file imports nothing, so that reading a manifest never pays for a kernel.
"""
