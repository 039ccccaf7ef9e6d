"""Second factors: time-based one-time passwords (RFC 6238, by pyotp) and recovery codes.

A code is good in its 30-second step and the two beside it, and once. Whoever tries must be in a session of
the user, so that no stranger can bring about the pause that follows wrong codes.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp

from api.auth.guard import proven_lately
from api.auth.key_mint import recovery_code_of, recovery_codes
from api.auth.principal import Principal
from api.auth.sessions import now
from api.auth.trail import act
from api.keeping import keeping
from api.problems import MfaRequired, Problem
from api.services import services
from store.documents import SecondFactorDocument
from store.second_factors import Fresh

ISSUER = "DynamicVault"
STEP_SECONDS = 30
RECOVERY_CODES = 10
PENDING = timedelta(minutes=15)


class MfaNotEnrolled(Problem):
    status, code = 409, "mfa-not-enrolled"


class MfaNotPending(Problem):
    status, code = 409, "mfa-not-pending"


class MfaCodeWrong(Problem):
    status, code = 403, "mfa-code-wrong"


class MfaCodeUsed(Problem):
    status, code = 403, "mfa-code-used"


class MfaLocked(Problem):
    status, code = 429, "mfa-locked"

    def __init__(self, seconds: float) -> None:
        super().__init__("too many wrong codes; wait as long as Retry-After says, or use a recovery code")
        self.retry_after_seconds = max(1, math.ceil(seconds))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is given; it is told once."""

    secret: str
    uri: str
    expires_at: datetime


def enroll(caller: Principal) -> Enrolment:
    """A secret to be confirmed. Raises MfaRequired where another is in force and was not proven lately."""
    factors, user = services().auth.accounts.factors, caller.user
    _need_proof_of(factors.get(user["_id"]), caller)
    secret, expires_at = pyotp.random_base32(), now() + PENDING
    sealed = keeping().secrets.encrypt("totp", caller.wallet, secret)
    factors.enroll(user, sealed, expires_at)
    uri = pyotp.TOTP(secret).provisioning_uri(name=caller.wallet, issuer_name=ISSUER)
    return Enrolment(secret, uri, expires_at)


def confirm(caller: Principal, code: str) -> tuple[datetime, list[str]]:
    """Put the enrolled secret in force; gives until when that is a proof, and recovery codes, told once.

    Raises MfaRequired, MfaNotPending, MfaCodeWrong.
    """
    factors, user_id = services().auth.accounts.factors, caller.user["_id"]
    found = factors.get(user_id)
    _need_proof_of(found, caller)
    pending = found["pending"] if found else None
    if pending is None or pending["expiresAt"] <= now():
        raise MfaNotPending("there is nothing to confirm; begin with POST /api/auth/mfa/enroll")
    step = _step_of(code, keeping().secrets.decrypt("totp", caller.wallet, pending["secret"]))
    if step is None:
        raise MfaCodeWrong(
            "this is not the code that the new secret gives now; check the clock of your device"
        )
    codes = recovery_codes(RECOVERY_CODES)
    fresh = Fresh(step, tuple(services().mint.hashes(one)[0] for one in codes), _session(caller))
    moment = now()
    if not factors.confirm(user_id, pending["secret"], fresh, moment, act("mfa.enrolled", caller.wallet)):
        raise MfaNotPending("it was confirmed or begun anew meanwhile")
    return moment + services().auth.lifetimes.mfa, codes


def prove_by_code(caller: Principal, code: str) -> datetime:
    """Accept a code once; gives until when the proof is good.

    Raises MfaNotEnrolled, MfaLocked, MfaCodeWrong, MfaCodeUsed.
    """
    factors, user_id, moment = services().auth.accounts.factors, caller.user["_id"], now()
    _in_force(factors.get(user_id))
    found = factors.reserve(user_id, moment)
    if found is None:
        raise MfaLocked(_pause_left(factors.get(user_id), moment))
    sealed = _in_force(found)
    step = _step_of(code, keeping().secrets.decrypt("totp", caller.wallet, sealed))
    if step is None:
        services().auth.accounts.audit.add(act("mfa.refused", caller.wallet, after=_tries(found)))
        raise MfaCodeWrong("this is not the code that your second factor gives now")
    if not factors.accept_code(user_id, step, _session(caller), moment, act("mfa.proven", caller.wallet)):
        factors.release(user_id)
        raise MfaCodeUsed("this code was used already; wait for the next one")
    return moment + services().auth.lifetimes.mfa


def prove_by_recovery_code(caller: Principal, text: str) -> datetime:
    """Accept a recovery code once; works in a pause too, since nobody guesses one.

    Raises MfaNotEnrolled, MfaCodeWrong.
    """
    factors, user_id, moment = services().auth.accounts.factors, caller.user["_id"], now()
    _in_force(factors.get(user_id))
    hashes = services().mint.hashes(recovery_code_of(text))
    used = act("mfa.recovery-code-used", caller.wallet)
    if not factors.accept_recovery_code(user_id, hashes, _session(caller), moment, used):
        services().auth.accounts.audit.add(act("mfa.refused", caller.wallet))
        raise MfaCodeWrong("this is not a recovery code of yours, or it was used already")
    return moment + services().auth.lifetimes.mfa


def remove(caller: Principal) -> None:
    """Forget the second factor. Raises MfaNotEnrolled."""
    if not services().auth.accounts.factors.remove(caller.user["_id"], act("mfa.removed", caller.wallet)):
        raise MfaNotEnrolled("there is no second factor to remove")


def _need_proof_of(found: SecondFactorDocument | None, caller: Principal) -> None:
    if found is not None and found["secret"] is not None and not proven_lately(caller):
        raise MfaRequired("there is a second factor in force: prove that one first, then enroll another")


def _in_force(found: SecondFactorDocument | None) -> bytes:
    if found is None or found["secret"] is None:
        raise MfaNotEnrolled("there is no second factor to prove; begin with POST /api/auth/mfa/enroll")
    return found["secret"]


def _step_of(code: str, secret: str) -> int | None:
    """The step that the code belongs to, the newest first: of those that are good now."""
    totp, current = pyotp.TOTP(secret), int(services().clock.now().timestamp()) // STEP_SECONDS
    good = {step: totp.generate_otp(step) for step in (current + 1, current, current - 1)}
    matching = [step for step, right in good.items() if hmac.compare_digest(right, code)]
    return matching[0] if matching else None


def _pause_left(found: SecondFactorDocument | None, moment: datetime) -> float:
    until = found["lockedUntil"] if found else None
    return (until - moment).total_seconds() if until else 1


def _tries(found: SecondFactorDocument) -> dict[str, object]:
    return {"failures": found["failures"], "lockedUntil": found["lockedUntil"]}


def _session(caller: Principal) -> str:
    assert caller.session_id is not None, "the table lets no key come here"
    return caller.session_id
