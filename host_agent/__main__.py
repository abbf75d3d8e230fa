"""Run the command `yiping` with `python -m host_agent`, where no script is installed."""

from host_agent.cli import main

if __name__ == "__main__":
    main(prog_name="yiping")
