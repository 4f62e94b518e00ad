// Prints "N passed, N failed, N skipped" from vitest's JSON report; exit status 1 unless all went well.

import { existsSync, readFileSync } from 'node:fs';

const file = process.argv[2];
if (!file || !existsSync(file)) {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const report = JSON.parse(readFileSync(file, 'utf8'));
// A file that cannot even be loaded has no tests in the report, but it is a failure all the same.
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
let failed = report.numFailedTests + broken.length;
// Errors outside of any test.
if (!report.success && failed === 0) failed = 1;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && report.numPassedTests > 0 ? 0 : 1);
