// The process that runs tests for one mutant after another, for run.mjs: vitest starts once and keeps what it has transformed,
// while every run has a worker of its own, with its own device and its own pipelines.
//
// Takes { shader, files }: a path of a shader, and test files; a single one may have a pattern of test names behind a #. What
// lies under the shader's name in WGPU_STYLE_SHADERS is what the tests run (vitest.config.ts). Gives { failure, passed,
// isLoaded }: the messages of the first failure, how many tests passed, and whether any of them asked for the shader.

import { createVitest } from 'vitest/node';

let failure;
let passed = 0;

function note(errors) {
  if (failure !== undefined || errors.length === 0) return;
  failure = errors.map(({ message }) => message).join('\n');
  void vitest.cancelCurrentRun('test-failure');
}

const reporter = {
  onTestCaseResult(test) {
    const { state, errors } = test.result();
    if (state === 'passed') passed++;
    if (state === 'failed') note(errors);
  },
  onTestSuiteResult: (suite) => note(suite.errors()),
  onTestModuleEnd: (module) => note(module.errors()),
};

const vitest = await createVitest('test', { watch: false, reporters: [reporter] });

function isLoaded(shader) {
  const graphs = vitest.projects.flatMap(({ vite }) => Object.values(vite.environments)).map(({ moduleGraph }) => moduleGraph);
  const modules = graphs.flatMap((graph) => [...(graph.getModulesByFile(shader) ?? [])]);
  return modules.some(({ id, transformResult }) => id.endsWith('?text') && transformResult);
}

process.on('message', async ({ shader, files }) => {
  failure = undefined;
  passed = 0;
  vitest.invalidateFile(shader);
  const [only, pattern] = files[0].split('#');
  vitest.setGlobalTestNamePattern(pattern ?? '');
  const { unhandledErrors } = await vitest.runTestFiles(pattern === undefined ? files : [only]);
  note(unhandledErrors);
  process.send({ failure, passed, isLoaded: isLoaded(shader) });
  vitest.invalidateFile(shader); // what runs next may be a mutant of another
});
// Whoever started this is gone: so go its workers, which may hang in a mutant.
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
process.send('ready');
