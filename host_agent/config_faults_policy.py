"""Checks the [policy] of agent.toml: ranges as the terminals take them, choices, times of the day."""

from host_agent.config_model import Config
from host_agent.config_policy import BOUNDS, CHOICES, OFF, QUIET, PolicySection, minute_of_day

_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    policy, faults = config.policy, []
    for name, (lowest, highest) in BOUNDS.items():
        value = getattr(policy, name)
        if value is not None and not lowest <= value <= highest:
            faults.append((f"policy.{name} must be {lowest} to {highest}", f"policy.{name}", "correct the number"))
    for name, modes in CHOICES.items():
        value = getattr(policy, name)
        if value is not None and value not in modes:
            faults.append((f"policy.{name} {value!r} is unknown", f"policy.{name}", f"choose {', '.join(modes)}"))
    if policy.self_test not in (None, OFF) and minute_of_day(policy.self_test) is None:
        what = f"policy.self_test {policy.self_test!r} is no time of the day"
        faults.append((what, "policy.self_test", f'write "07:30", or "{OFF}"'))
    return faults + _quiet_faults(policy)


def _quiet_faults(policy: PolicySection) -> list[_Fault]:
    faults = []
    given = {name: value for name in QUIET if (value := getattr(policy, name)) is not None}
    for name, value in given.items():
        if minute_of_day(value) is None:
            what = f"policy.{name} {value!r} is no time of the day"
            faults.append((what, f"policy.{name}", 'write "22:00"; midnight is "00:00"'))
    for name in QUIET:
        if given and name not in given:
            what = f"policy.{name} is missing: a quiet time has a beginning and an end"
            faults.append((what, f"policy.{name}", "add it, or remove the other"))
    if len(given) == len(QUIET) and len(set(given.values())) == 1:
        what = "policy.quiet_from and policy.quiet_to are the same"
        faults.append((what, "policy.quiet_to", "write when it ends, or remove both"))
    if policy.quiet_volume is not None and not given:
        what = "policy.quiet_volume without a quiet time"
        faults.append((what, "policy.quiet_from", "add quiet_from and quiet_to, or remove quiet_volume"))
    return faults
