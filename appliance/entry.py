"""Entry point of the command `rdeepnet`: nothing is imported before Ctrl-C has an answer."""

from __future__ import annotations

from appliance import interrupts


def main() -> None:
    """Runs the command line; an interrupt while it is loaded ends it in a word."""
    try:
        interrupts.listen()
        from appliance.cli import main as run

        run()
    except BaseException as error:
        if isinstance(error, SystemExit) or not (isinstance(error, KeyboardInterrupt) or interrupts.was_interrupted()):
            raise
        interrupts.answer("Stopped.")
        raise SystemExit(interrupts.STATUS) from None
    finally:
        interrupts.ignore()
