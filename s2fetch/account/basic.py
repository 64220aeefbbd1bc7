"""User and password with every request: HTTP Basic (RFC 7617), which knows no sessions.

Hubs that run the Data Hub Software want it for the catalogue and for downloads alike.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

from s2fetch.account.credentials import Credentials
from s2fetch.errors import AccountError, S2FetchError, TokenRefusedError, WrongPasswordError


class BasicLogin:
    """The authorisation of one account; see `account.Authorisation`.

    Args:
        account: Name, for messages.
        credentials: User and password.
        hub: Host of the hub, for messages.
        ask: Makes a cheap request with the token; raises TokenRefusedError when it is refused.

    Raises:
        WrongPasswordError: If the user contains a colon, which the scheme cannot carry.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        *,
        hub: str,
        ask: Callable[[str], Awaitable[None]],
    ) -> None:
        if ":" in credentials.user:
            raise WrongPasswordError(
                f"the user {credentials.user} contains a colon, which {hub} cannot be told",
                advice="Check the user",
            )
        self.account = account
        self._user = credentials.user
        self._source = credentials.source
        self._hub = hub
        self._ask = ask
        both = f"{credentials.user}:{credentials.password}".encode()
        self._token = base64.b64encode(both).decode("ascii")
        self._refused: AccountError | None = None

    def __repr__(self) -> str:
        return f"<BasicLogin of {self.account}: {'refused' if self._refused else 'usable'}>"

    async def get(self) -> str:
        """User and password as the scheme writes them.

        Raises:
            WrongPasswordError: Once a hub has refused them: repeating them can lock an account.
        """
        if self._refused is not None:
            raise self._refused
        return self._token

    def refuse(self, token: str) -> None:
        """Take them for wrong from now on; there is nothing to renew."""
        if token != self._token or self._refused is not None:
            return
        where = f" from {self._source}" if self._source else ""
        self._refused = WrongPasswordError(
            f"{self._hub} refused user {self._user} and the password{where}",
            advice="Check both by logging in with a browser. New accounts and new passwords can "
            "take days to arrive at a hub",
        )

    def doubt(self, token: str) -> bool:
        """False: user and password do not expire."""
        del token
        return False

    async def check(self) -> None:
        """Ask the hub for something cheap.

        Raises:
            WrongPasswordError: If it refuses user and password.
            HubError: If it cannot be reached.
        """
        try:
            await self._ask(await self.get())
        except TokenRefusedError:
            self.refuse(self._token)
            await self.get()

    async def logout(self) -> None:
        """Nothing has been begun."""

    @property
    def refusal(self) -> S2FetchError | None:
        """What the hub's refusal was, or None."""
        return self._refused

    @property
    def seconds_left(self) -> float | None:
        """None: what is shown does not end by itself."""
        return None
