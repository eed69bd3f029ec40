"""A service that is asked, and the turns that those who ask it need."""

import asyncio


class Service:
    """Answers when it is told to; counts who asks, and how many at once."""

    def __init__(self, journal, record):
        self.journal = journal
        self.record = record
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.open = asyncio.Event()
        self.fault = None

    async def make(self):
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.fault is not None:
                raise self.fault
            await self.journal.put(self.record("k", "answer"))
            return "answer"
        finally:
            self.at_once -= 1


async def settle():
    """Lets everything that can go on without us go on."""
    for _ in range(10):
        await asyncio.sleep(0)
