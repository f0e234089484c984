"""Kind answers in the Pythons of others: conda's, and that of an approved kernel.

Hooks are courtesy. They say why something is turned off and whom to ask; what
keeps an approved environment as it is are its files, which the user does not own.

Everything here is standard library of Python 3.8 and later, imports nothing of
ours but its siblings, and those relatively: `kernels.launch` loads this folder by
its path into kernels, whose environments know nothing of `jupyter_envguard`.
"""
