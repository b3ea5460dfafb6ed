import { bothTell } from './bothOutcomes.js';

describe('Compiled attributes, entities and patterns', () => {
  describe('tell the type of an entity', () => {
    bothTell([
      ['principal is Aegis::Agent', 'true'],
      ['principal is Aegis::Role', 'false'],
      ['principal is Aegis::Agent in Aegis::Role::"r"', 'true'],
      ['principal is Aegis::Agent in Aegis::Role::"zz"', 'false'],
      ['principal is Aegis::Role in Aegis::Role::"r"', 'false'],
      ['Aegis::Agent::"nobody" is Aegis::Agent', 'true'],
      ['context.input.text is Aegis::Agent', 'error'],
    ]);
  });

  describe('err on what is no record and no entity', () => {
    bothTell([
      ['context.input.a.b == 1', 'error'],
      ['context.input.text.length == 5', 'error'],
      ['principal.level.x == 1', 'error'],
      ['principal.zz == 1', 'error'],
      ['(if context.input.a == 1 then context.input.zz else context.input.o).n == 1', 'error'],
      ['(if context.input.a == 1 then context.input.o else context.input.zz).n == {}', 'true'],
      ['context.input.a.hasTag("a")', 'error'],
      ['context.input.a.getTag("a") == 1', 'error'],
    ]);
  });

  describe('take the whole context', () => {
    bothTell([
      ['context has input', 'true'],
      ['context has zz', 'false'],
      ['context == {}', 'false'],
      ['resource == Aegis::Toolset::"default" && action == Aegis::Action::"tool"', 'true'],
    ]);
  });

  describe('err where `in` gets no entities', () => {
    bothTell([
      ['context.input.text in Aegis::Role::"r"', 'error'],
      ['principal in context.input.text', 'error'],
      ['principal in context.input.tags', 'error'],
      ['principal in []', 'false'],
    ]);
  });
});
