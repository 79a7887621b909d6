"""Decoding and encoding alone, with OpenCV."""

from common import main, read, write


def work(out, pairs):
    for pair in pairs:
        write(out, pair, *read(pair))


if __name__ == "__main__":
    main(work, batch=8)
