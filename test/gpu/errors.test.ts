// The wording of errors is part of the interface: what happened, what was needed, what to do.

import { describe, expect, it } from 'vitest';
import { badOption, throwIfAborted, WgpuStyleError } from '../../src/gpu/errors.ts';

describe('WgpuStyleError', () => {
  it('carries code, where, fix and cause, and reads as one sentence and its remedy', () => {
    const cause = new Error('inner');
    const error = new WgpuStyleError('bad-image', { what: 'got nothing', where: 'content', fix: 'Give a picture', cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('content: got nothing. Give a picture.');
    expect(error).toMatchObject({ name: 'WgpuStyleError', code: 'bad-image', where: 'content', fix: 'Give a picture', cause });
  });

  it('has no cause property when there is none', () => {
    expect('cause' in badOption('size', 'got 0', 'Give more')).toBe(false);
  });

  it('turns a fired signal into `aborted` with its reason', () => {
    expect(() => throwIfAborted(undefined, 'run')).not.toThrow();
    const controller = new AbortController();
    expect(() => throwIfAborted(controller.signal, 'run')).not.toThrow();
    controller.abort('enough');
    expect(() => throwIfAborted(controller.signal, 'run')).toThrow(
      expect.objectContaining({ code: 'aborted', where: 'run', cause: 'enough' }),
    );
  });
});
