// A vitest reporter that lists every skipped test with its reason: nothing may be left out silently.

import path from 'node:path';

export default class SkippedReporter {
  onTestRunEnd(testModules) {
    const lines = [];
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests('skipped')) {
        const { note } = test.result();
        const file = path.relative(process.cwd(), testModule.moduleId);
        lines.push(`  ${file} > ${test.fullName}: ${note ?? 'no reason given'}`);
      }
    }
    if (lines.length > 0) console.log(`\nSkipped:\n${lines.join('\n')}`);
  }
}
