"""The commands: `repit serve`, `ask`, `explain`, `lint`, `apply`, `import`, `replay`, `demo`, `config`, `schema`."""
