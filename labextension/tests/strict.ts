/** jsdom has no clipboard; JupyterLab looks for one as soon as it is imported. */
Object.assign(navigator, { clipboard: {} });

/** What React or the DOM complains about fails the test. */
beforeEach(() => {
  for (const level of ['error', 'warn'] as const) {
    jest.spyOn(console, level).mockImplementation((...said: unknown[]) => {
      throw new Error(said.map(String).join(' '));
    });
  }
});

afterEach(() => {
  jest.restoreAllMocks();
});
