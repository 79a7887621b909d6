/**
 * Gives the property tests one seed, so that a new failure comes from a change in the source. `FUZZ=n` gives them random cases, and some of
 * them n times as many.
 */
import fc from 'fast-check';

if (process.env.FUZZ === undefined) fc.configureGlobal({ seed: 1 });
