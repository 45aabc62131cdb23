// Questions that look alike and want different answers: `first | other`, under the kind of trap.

export const traps = `
# number
How do I split a bill between 3 people? | How do I split a bill between 4 people?
What is 15% of 200? | What is 50% of 200?
Can I return an item after 30 days? | Can I return an item after 60 days?
How many calories are in two eggs? | How many calories are in three eggs?
How long do I cook a 2 kg turkey? | How long do I cook a 2 lb turkey?
What can I buy for $50? | What can I buy for €50?
Is a 20 mg dose of ibuprofen safe? | Is a 200 mg dose of ibuprofen safe?
Convert 5 miles to kilometers | Convert 5 meters to kilometers
What is the tax on 1,000 dollars? | What is the tax on 10,000 dollars?
How do I write a loop that runs ten times? | How do I write a loop that runs twelve times?
Give me three ideas for a birthday party | Give me thirty ideas for a birthday party
What is the square root of 144? | What is the square root of 169?
How do I upgrade to version 2.1? | How do I upgrade to version 2.2?
What is 7 minus 4? | What is 4 minus 7?
What does half a pound of butter weigh in grams? | What does a quarter pound of butter weigh in grams?
What is the first step of the process? | What is the third step of the process?
How old is a dog of 5 years in human years? | How old is a dog of 15 years in human years?
What happens if I pay once a year? | What happens if I pay twice a year?
# date
What is the weather like in Rome in May? | What is the weather like in Rome in March?
Is the shop open on Saturday? | Is the shop open on Sunday?
Can I book a table for Friday evening? | Can I book a table for Friday morning?
What happened on 4 July 1776? | What happened on 14 July 1789?
What are the opening hours at Christmas? | What are the opening hours at Easter?
Which meetings do I have today? | Which meetings do I have tomorrow?
What was the revenue of last month? | What was the revenue of this month?
Who won the cup in 2018? | Who won the cup in 2014?
When does the Monday class start? | When does the Thursday class start?
What is the train schedule for weekdays? | What is the train schedule for weekends?
Is the office closed in January? | Is the office closed in June?
Is there a flight at 9 am? | Is there a flight at 9 pm?
What did we sell yesterday? | What did we sell last week?
Can I renew my pass monthly? | Can I renew my pass yearly?
What is on the menu tonight? | What is on the menu tomorrow night?
What time is it now? | What time was it then?
# entity
What is the capital of Austria? | What is the capital of Australia?
Who founded Microsoft? | Who founded Apple?
How do I get to Paris? | How do I get to London?
What is the population of Berlin? | What is the population of Munich?
Do you ship to Canada? | Do you ship to Mexico?
Who wrote Hamlet? | Who wrote Macbeth?
How do I install Python on Windows? | How do I install Python on Linux?
What language do they speak in Brazil? | What language do they speak in Argentina?
Does Anna work in sales? | Does Peter work in sales?
Can I pay with Visa? | Can I pay with Mastercard?
Where is the Denver office? | Where is the Dallas office?
What is the symbol for sodium? | What is the symbol for potassium?
Is there a direct flight to oslo? | Is there a direct flight to bergen?
How do I cook salmon? | How do I cook chicken?
How do I change my address? | How do I change my phone number?
How do I cancel my order? | How do I cancel my subscription?
Who is the president of France? | Who is the president of Poland?
What are the side effects of aspirin? | What are the side effects of ibuprofen?
How tall is Mount Everest? | How tall is Mount Fuji?
How do I declare a variable in Java? | How do I declare a variable in JavaScript?
# code
What is the status of order A-1042? | What is the status of order A-1024?
Where is parcel 1Z999AA10123456784? | Where is parcel 1Z999AA10123456785?
Send the report to ann@example.com | Send the report to ann@example.org
What does error E1201 mean? | What does error E1210 mean?
What is on https://example.com/pricing? | What is on https://example.com/prices?
What does the option --force do? | What does the option --forge do?
What does user_id hold? | What does user_ip hold?
Explain list.append() | Explain list.extend()
Is flight LH400 on time? | Is flight LH404 on time?
How do I open the file /etc/hosts? | How do I open the file /etc/hostname?
What changed in v1.9.3? | What changed in v1.9.2?
Is ticket #553 closed? | Is ticket #535 closed?
# quotation
Translate "good morning" into German | Translate "good evening" into German
What does the word "bank" mean? | What does the word "bench" mean?
Who said "I have a dream"? | Who said "I have a plan"?
Is "their" spelled correctly? | Is "there" spelled correctly?
How many letters are in 'banana'? | How many letters are in 'bandana'?
Make a headline out of "sales are up" | Make a headline out of "sales are down"
# negation
Which foods contain gluten? | Which foods do not contain gluten?
Can I enter without a ticket? | Can I enter with a ticket?
Why is my camera working? | Why is my camera not working?
What should I do before surgery? | What should I not do before surgery?
Which countries are in the EU? | Which countries aren't in the EU?
Is it legal to park here? | Is it not legal to park here?
Why can I log in? | Why can't I log in?
Which plants need sun? | Which plants never need sun?
List all users that have logged in | List all users that have never logged in
What is allowed on board? | What isn't allowed on board?
Show me orders except those of May | Show me orders including those of May
What happens if I pay? | What happens if I don't pay?
How do I get a refund if the item is damaged? | How do I get a refund if the item is undamaged?
Which tests passed? | Which tests did not pass?
# opposite
How do I enable notifications? | How do I disable notifications?
How do I increase the volume? | How do I decrease the volume?
How do I turn on the heater? | How do I turn off the heater?
How do I allow pop-ups? | How do I block pop-ups?
When should I buy shares? | When should I sell shares?
How do I add a user? | How do I remove a user?
How do I lock my phone? | How do I unlock my phone?
How do I import contacts? | How do I export contacts?
What are the advantages of solar power? | What are the disadvantages of solar power?
How do I install the driver? | How do I uninstall the driver?
What is the minimum age? | What is the maximum age?
How do I hide a column? | How do I show a column?
How do I subscribe to the newsletter? | How do I unsubscribe from the newsletter?
What are the cheapest seats? | What are the most expensive seats?
How do I upload a file? | How do I download a file?
How do I encrypt a folder? | How do I decrypt a folder?
How do I open a port? | How do I close a port?
What is the best hotel in town? | What is the worst hotel in town?
How do I lend money to a friend? | How do I borrow money from a friend?
Which exercises help to gain weight? | Which exercises help to lose weight?
How do I mute a call? | How do I unmute a call?
Sort the list in ascending order | Sort the list in descending order
How do I upgrade my plan? | How do I downgrade my plan?
Is the account public? | Is the account private?
# question
When does the shop open? | Where does the shop open?
Who wrote the report? | Why was the report written?
How much is the ticket? | Where is the ticket?
How long is the film? | How good is the film?
Can I cancel my order? | How do I cancel my order?
Why do I need a visa? | Do I need a visa?
How many users do we have? | Which users do we have?
When was the company founded? | Who founded the company?
What is a heat pump? | How does a heat pump work?
How often does the bus run? | How far does the bus run?
How old is the bridge? | How long is the bridge?
Where do I pay? | When do I pay?
Why should I update the app? | How should I update the app?
Who can see my profile? | How can I see my profile?
# direction
How do I fly from Lisbon to Madrid? | How do I fly from Madrid to Lisbon?
Convert dollars to euros | Convert euros to dollars
Translate this from English to French | Translate this from French to English
Did Germany beat Brazil? | Did Brazil beat Germany?
Is gold more expensive than platinum? | Is platinum more expensive than gold?
Should I eat before running? | Should I run before eating?
How do I move files from the server to my laptop? | How do I move files from my laptop to the server?
Does rain cause floods? | Do floods cause rain?
Is a kilogram more than a pound? | Is a pound more than a kilogram?
What do lions hunt? | What hunts lions?
How do I convert PDF to Word? | How do I convert Word to PDF?
How does the teacher grade the student? | How does the student grade the teacher?
Which cats chase dogs? | Which dogs chase cats?
How do I send money from my savings to my checking account? | How do I send money from my checking to my savings account?
Why did Anna leave Tom? | Why did Tom leave Anna?
Do I take the pill after the meal? | Do I take the meal after the pill?
# modality
Can I park here? | Must I park here?
Should I see a doctor? | Can I see a doctor?
Did I cancel my order? | Can I cancel my order?
I cancelled my order | I want to cancel my order
Do I have to pay customs? | Can I pay customs?
Will the parcel arrive? | Has the parcel arrived?
May I take photos in the museum? | Should I take photos in the museum?
Is the invoice paid? | Was the invoice paid?
Have you sent the refund? | Will you send the refund?
Can you delete my account? | Can I delete my account?
How do you store my data? | How do I store my data?
What did the update change? | What will the update change?
# person
What is my name? | What is your name?
Where is his office? | Where is her office?
What is my balance? | What is their balance?
Can she see my messages? | Can he see my messages?
How do I change my password? | How do they change my password?
What are your rights? | What are my rights?
# language
Where is the station? | Wo ist der Bahnhof?
How do I reset my password? | Comment réinitialiser mon mot de passe ?
What does it cost? | ¿Cuánto cuesta?
Reset password | Passwort zurücksetzen
What is gift? | Was ist Gift?
Wie kündige ich mein Abo? | Wie verlängere ich mein Abo?
¿Dónde está mi pedido? | ¿Dónde está mi reembolso?
# narrowing
Delete the last message | Delete all messages
Which users are always online? | Which users are sometimes online?
Show me only open orders | Show me open orders
What is the first chapter about? | What is the last chapter about?
Who was the previous owner? | Who was the next owner?
Which phone has the largest screen? | Which phone has a large screen?
How do I delete a message? | How do I delete every message?
What else do I need for the trip? | What do I need for the trip?
Can both parents sign the form? | Can either parent sign the form?
Is there any other branch? | Is there any branch?
Does the bus still run? | Does the bus run?
What is the most common cause of back pain? | What is a less common cause of back pain?
# words
How do I renew my licence? | How do I surrender my licence?
Is the pool heated? | Is the pool cleaned?
How do I log into the admin console? | How do I log into the billing console?
What is the dress code for weddings? | What is the dress code for funerals?
How do I freeze bread? | How do I bake bread?
What is a safe speed on wet roads? | What is a safe speed on dry roads?
Can children fly alone? | Can dogs fly alone?
How do I remove wine stains? | How do I remove grease stains?
What does the basic plan include? | What does the premium plan include?
How do I charge the battery? | How do I change the battery?
Is the rear camera sharp? | Is the front camera sharp?
Can I appeal a parking fine? | Can I pay a parking fine?
What is a good gift for a teacher? | What is a good gift for a neighbour?
How do I write a cover letter? | How do I write a resignation letter?
Do cats see colors? | Do cats hear colors?
How do I water an orchid? | How do I repot an orchid?
`
