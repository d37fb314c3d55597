"""An independent validator of manifests (encypher-c2pa), offline and with one root to trust."""

__all__ = ["verified"]


def verified(data, media_type, root, store=None, **more):
    """Return its report on a file, or on one whose manifest store lies beside it."""
    import encypher_c2pa

    return encypher_c2pa.verify(
        data,
        media_type,
        manifest_store=store,
        trust_pem=root.decode(),
        no_default_trust=True,
        telemetry=False,
        online=False,
        **more,
    )
