import jupyter from '@jupyter/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Strings are translated, commands described, signals cleaned up. */
const house = Object.assign({}, ...jupyter.configs.recommended.map(config => config.rules));

export default tseslint.config(
  ...tseslint.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { jupyter },
    rules: { ...house, '@typescript-eslint/no-namespace': 'off' }
  },
  {
    files: ['tests/**/*.{ts,tsx}'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' }
  }
);
