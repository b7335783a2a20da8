"""
### Doctor

Looks at everything that a deployment needs and writes it into the log of its one task: what is wrong first, each with
its remedy. The run is red where something is wrong. Nothing is changed; each upstream is asked one small question.
Tick *Test message* to have a message sent through every channel that is set up.

The watch looks at the same once a day, every hour while something is wrong, and tells people (docs/runbook.md, setup).
`python -m include.cli doctor` shows what was found last, and looks at registry and store again.
"""

from airflow.sdk import Param

from lastgood.dag import doctor_dag

# Airflow skips a file that does not name it, and shows the docstring as the DAG's runbook.
doctor = doctor_dag(
    "doctor",
    doc_md=__doc__ or "",
    params={
        "test_message": Param(
            False,
            type="boolean",
            title="Test message",
            description="Send a message through each channel that is set up.",
        )
    },
)
