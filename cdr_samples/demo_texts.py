"""Two files of the demo month as text: its README and its accounts."""

README = """# The demo month

Eight invented customers of one provider, October 2026, Paris time (winter time on the 25th): {total} rows.
Written by `python cdr_samples/make_demo.py` (seed {seed}, standard library only): the same bytes every
time, so do not edit by hand. The telephone numbers are of ranges reserved for fiction: see ../README.md.

    trunkrate rate cdr_samples/demo/cdrs --accounts cdr_samples/demo/accounts.yaml \\
        --tariffs tariffs/contract --month 2026-10 --out out/

| file in cdrs/ | rows | of which faults | form |
|---|---|---|---|
{files}

- **chiffrelin** (10 channels, 2 sites): five hours of unconditional forwarding, fraud on the DST night, 888
  and +999, which no deck knows. **mie-cornue** (1): metered. **pistonnac** (1): more than 40 h.
- **val-orange** (4, later 6): a press article fills the trunk on the 13th, overfills it on the 14th; plan
  change; emergency calls. **mirabelle** (2): more than 600 different numbers, then plan suspension.
- **parchemain** (4): mirabelle calls over it too. **allovoix** (4): a call centre, flagged as professional
  from the 12th. **diese** (1): more than 300 different numbers, waived. Anonymous callers are no fault.

| file | line | fault on purpose (lines count the header) | outcome |
|---|---|---|---|
{table}
"""

ACCOUNTS = """\
# The customers of the demo month, all invented. The numbers are of ranges reserved for fiction.

customers:
  - id: cabinet-chiffrelin
    name: Cabinet Chiffrelin, experts-comptables
    numbers: ["+33199001000..+33199001007", "+33465711000..+33465711004"]
    users:
      alice.marchal@chiffrelin.example: "+33199001001"
      bruno.lefort@chiffrelin.example: "+33199001002"
      camille.huet@chiffrelin.example: "+33199001003"
      denis.roche@chiffrelin.example: "+33199001004"
      elsa.vidal@chiffrelin.example: "+33199001005"
      marc.delorme@chiffrelin.example: "+33199001006"     # on leave 12 to 16 October: forwards everything
      hugo.perrin@chiffrelin.example: "+33199001007"
      ines.garnier@chiffrelin.example: "+33465711001"
      jules.colin@chiffrelin.example: "+33465711002"
      karim.benali@chiffrelin.example: "+33465711003"
      lea.masson@chiffrelin.example: "+33465711004"       # password stolen on 24 October

  - id: boulangerie-mie-cornue
    name: Boulangerie La Mie Cornue
    numbers: ["+33353012000"]

  - id: garage-pistonnac
    name: Garage Pistonnac
    numbers: ["+33536493000..+33536493001"]

  - id: clinique-val-orange
    name: Clinique du Val Orangé
    numbers: ["+33261914000..+33261914029"]

  - id: agence-mirabelle
    name: Agence Mirabelle Immobilier
    numbers: ["+33465715000..+33465715009"]

  - id: office-parchemain
    name: Office notarial Parchemain
    numbers: ["+33199006000..+33199006005"]

  - id: centre-allovoix
    name: Centre d'appels Allôvoix
    numbers: ["+33353017000..+33353017019"]
    professional_use: [{from: 2026-10-12T00:00:00+02:00, to: null}]

  - id: ecole-diese
    name: École de musique Do Mi Sol Dièse
    numbers: ["+33536498000..+33536498001"]

trunks:
  - id: chiffrelin
    customer: cabinet-chiffrelin
    fqdn: sbc.chiffrelin.trunk.example
    channels: 10
    plan: unlimited-fixed-mobile
    international: [Royaume-Uni Fixe]
    sites:
      - id: paris
        channels: 6
        numbers: ["+33199001000", "+33199001001", "+33199001002", "+33199001003",
                  "+33199001004", "+33199001005", "+33199001006", "+33199001007"]
      - id: lyon
        channels: 4
        numbers: ["+33465711000", "+33465711001", "+33465711002", "+33465711003", "+33465711004"]
    fraud:
      # seven hours: the clocks go back in between
      - {from: 2026-10-24T23:00:00+02:00, to: 2026-10-25T05:00:00+01:00, why: "Mot de passe volé (F-041)"}

  - id: mie-cornue
    customer: boulangerie-mie-cornue
    fqdn: sbc.mie-cornue.trunk.example
    channels: 1
    plan: metered

  - id: pistonnac
    customer: garage-pistonnac
    fqdn: sbc.pistonnac.trunk.example
    channels: 1
    plan: unlimited-fixed

  - id: val-orange
    customer: clinique-val-orange
    fqdn: sbc.val-orange.trunk.example
    channels:
      - {from: null, to: 2026-10-15, channels: 4}
      - {from: 2026-10-15, to: null, channels: 6}
    plan:
      - {from: null, to: 2026-10-12T00:00:00+02:00, plan: unlimited-fixed}
      - {from: 2026-10-12T00:00:00+02:00, to: null, plan: unlimited-fixed-mobile}

  - id: mirabelle
    customer: agence-mirabelle
    fqdn: sbc.mirabelle.trunk.example
    channels: 2
    plan: unlimited-fixed
    plan_suspensions:
      - from: 2026-10-27T09:00:00+01:00
        to: 2026-10-30T09:00:00+01:00
        why: "Plus de 600 numéros dans le mois, usage à vérifier (Hugo Maillard, facturation)"

  - id: parchemain
    customer: office-parchemain
    fqdn: sbc.parchemain.trunk.example
    channels: 4
    plan: unlimited-fixed
    shared: false                       # and yet it is: the agency's numbers appear in its calls

  - id: allovoix
    customer: centre-allovoix
    fqdn: sbc.allovoix.trunk.example
    channels: 4
    plan: unlimited-fixed-mobile

  - id: diese
    customer: ecole-diese
    fqdn: sbc.diese.trunk.example
    channels: 1
    plan: unlimited-fixed-mobile
    decisions:
      - month: 2026-10
        reason: fair_use_numbers
        mode: waive
        who: "Claire Desnoyers, service clients"
        when: 2026-11-03
        why: "Dégât des eaux du 8 octobre : toutes les familles appelées une fois, geste commercial"
"""
