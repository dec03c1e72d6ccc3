"""What is no option of the gateway's commands is named with the nearest one."""

import pytest

from hydra.gateway.__main__ import main as gateway
from hydra.gateway.realism_command import main as realism


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        (gateway, ["--atributes"], "hydra gateway: --atributes is no option; did you mean --attr"),
        (gateway, ["--sede=3"], "hydra gateway: --sede is no option; did you mean --seed?"),
        (gateway, ["--zzz"], "hydra gateway: --zzz is no option; `hydra gateway --help` lists"),
        (gateway, ["--port", "x"], "hydra gateway: argument --port: "),
        (realism, ["--tolerence", "5"], "hydra realism: --tolerence is no option; did you mean"),
    ],
)
def test_an_option_that_there_is_not_gets_one_sentence_and_code_2(capsys, command, given, said):
    with pytest.raises(SystemExit) as ended:
        command(given)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1
