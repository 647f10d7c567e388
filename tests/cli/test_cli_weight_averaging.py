"""Weights that Lightning averages along a run: what is tested is what the checkpoint holds."""

from pathlib import Path


def test_a_run_tests_the_averaged_weights_that_its_checkpoint_holds(rnnzoo) -> None:
    recipe = Path("toy.yaml").read_text(encoding="utf-8").replace("lr: 0.1", "lr: 1.0")
    recipe += (
        "    - class_path: lightning.pytorch.callbacks.EMAWeightAveraging\n      init_args:\n        decay: 0.99\n"
    )
    Path("averaged.yaml").write_text(recipe, encoding="utf-8")
    ran = rnnzoo("run", "averaged.yaml", "--wandb", "off")
    assert ran.code == 0, ran.err
    (run,) = Path("runs/averaged").iterdir()
    of_the_run = (run / "test.csv").read_text(encoding="utf-8")
    assert rnnzoo("test", run / "config.yaml", "--wandb", "off").code == 0
    assert of_the_run == (run / "test.csv").read_text(encoding="utf-8")
