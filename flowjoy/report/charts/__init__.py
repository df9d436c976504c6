"""The charts, in two dimensions: importing matplotlib takes a tenth less time without its axes in three."""

import sys
import warnings

# Python does not import what is None here.
sys.modules.setdefault("mpl_toolkits.mplot3d", None)  # type: ignore[arg-type]
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Unable to import Axes3D")
    import matplotlib.projections  # noqa: F401
