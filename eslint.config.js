// What the compiler does not see: promises left alone, `any` creeping in from untyped places, house rules.

import js from '@eslint/js';
import { globalIgnores } from 'eslint/config';
import ts from 'typescript-eslint';

/** Named exports only, except where a tool asks for a default one. */
const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Named exports only: they keep their name wherever they are imported.',
};
const NO_ENUM = { selector: 'TSEnumDeclaration', message: 'A union of strings says the same.' };

export default ts.config(
  globalIgnores(['**/dist/', 'out/', 'node_modules/', 'docs/api/', 'coverage/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // The compiler knows both better.
      'no-undef': 'off',
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // noUncheckedIndexedAccess makes `!` the honest way to say "this index is in range".
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // "'default' | string" tells a reader and an editor more than "string".
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      // What was caught is thrown on as it is.
      '@typescript-eslint/only-throw-error': 'off',
      // File signatures have control characters.
      'no-control-regex': 'off',
      // An async function without await still turns what it throws into a rejection, which callers rely on.
      '@typescript-eslint/require-await': 'off',
      // Numbers in messages are the point of the messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_ENUM],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    // The library speaks through errors and callbacks; only the Node room has a terminal.
    files: ['src/**/*.ts'],
    ignores: ['src/node/**'],
    rules: { 'no-console': 'error' },
  },
  {
    // onnx-proto's declarations name a type of a package (long) that brings none.
    files: ['src/vgg/onnx.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  {
    // Declares the asset modules, which have default exports; the config is read by its default export.
    files: ['src/assets.d.ts', 'vitest.config.ts'],
    rules: { 'no-restricted-syntax': ['error', NO_ENUM] },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // expect.any() and friends are `any` by their types; methods are compared, not called.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'performance', 'module', 'Buffer', 'setTimeout', 'clearTimeout'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
);
